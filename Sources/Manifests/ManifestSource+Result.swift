internal import Cluster
internal import Objects
internal import Resolution

extension ManifestSource {
    /// Reads everything. Never fails as a whole: what cannot be read is among the result's problems.
    ///
    /// Called again, it reads what changed since, without waiting for changes to settle.
    public func load() -> ManifestResult {
        store.load()
        last = result()
        return last
    }

    /// A complete result after every change of the files, compared with the last one given by this source. Results that
    /// would say the same are left out, and of several that nobody has taken yet only the latest is kept. Ends when the
    /// task that iterates it is cancelled.
    public nonisolated func changes() -> AsyncStream<ManifestResult> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                while !Task.isCancelled {
                    if let result = await self.poll() { continuation.yield(result) }
                    try? await Task.sleep(for: self.pause)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func poll() -> ManifestResult? {
        giveBackMemory()
        guard store.poll() else { return nil }
        let new = result()
        guard new != last else { return nil }
        last = new
        return new
    }

    private func result() -> ManifestResult {
        memory.note(changes: store.takeChanges().objects.count)
        var result = ManifestResult(state: store.state, problems: store.problems, notes: store.notes)
        result.isPartial = store.isPartial
        return result
    }
}

extension ManifestStore {
    /// All objects, in the order of the files.
    var state: ClusterState {
        var state = ClusterState()
        for object in table.inOrder(files) {
            switch object {
            case .service(let service): state.services.append(service)
            case .endpointSlice(let slice): state.endpointSlices.append(slice)
            case .endpoints(let object): state.endpoints.append(object)
            case .pod(let pod): state.pods.append(pod)
            case .node(let node): state.nodes.append(node)
            }
        }
        return state
    }
}

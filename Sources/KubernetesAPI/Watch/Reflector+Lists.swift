internal import Objects

// What comes as a list, page by page or as a stream.
extension Reflector {
    mutating func read(_ listing: Listing, at now: Duration) -> Bool {
        let kind = resource.kind
        do throws(JSONCutter.Failure) {
            while let element = try cutter.next({ WireObject.element($0, of: kind) }) {
                if !isHeadRead {
                    isHeadRead = true
                    // Servers write it before the elements.
                    let head = ListHead(cutter.envelope + Array("]}".utf8))
                    if let head, refuses(head, listing, at: now) { return false }
                }
                switch element {
                case .success(let object): ledger.update(object, strings)
                case .failure(let object): ledger.fail(object)
                }
                guard !ledger.isFull else { return giveUp(tooMany, at: now) }
            }
        } catch {
            return giveUp(words(for: error), at: now)
        }
        return true
    }

    mutating func finishPage(_ listing: Listing, at now: Duration) {
        guard let head = ListHead(cutter.envelope) else {
            return fail(.server, "its list of \(resource.title) is no JSON", at: now)
        }
        guard !refuses(head, listing, at: now) else { return }
        guard !head.kind.isEmpty else { return fail(.server, "expected a \(resource.listKind), found \"\"", at: now) }
        // An empty list of Go is `null`. Without the field it is another answer, and none that says that there are no
        // objects.
        guard head.hasItems else {
            return fail(.server, "its list of \(resource.title) has no items", at: now)
        }
        guard !head.version.isEmpty else {
            return fail(.server, "its list of \(resource.title) has no resourceVersion", at: now)
        }
        var next = listing
        next.pages += 1
        if listing.continuation == nil { next.versionOfPages = head.version }
        if let continuation = head.continuation {
            guard continuation != listing.continuation, next.pages < 5000 else {
                relist("")
                return fail(.server, "its list of \(resource.title) has no end", at: now)
            }
            next.continuation = continuation
            aim = .list(next)
            phase = .idle
            return
        }
        finishList(next.versionOfPages, listing, at: now)
        phase = .idle
    }

    /// - Returns: whether it is another list than was asked for, as far as it says so.
    private mutating func refuses(_ head: ListHead, _ listing: Listing, at now: Duration) -> Bool {
        guard head.kind.isEmpty || head.kind == resource.listKind else {
            fail(.server, "expected a \(resource.listKind), found \"\(head.kind.shortened(to: 60))\"", at: now)
            return true
        }
        guard !listing.version.isEmpty, listing.continuation == nil, head.version.isOlderVersion(than: version) else {
            return false
        }
        relist("")
        fail(.server, wentBack(to: head.version), at: now)
        return true
    }

    /// All objects have come.
    mutating func finishList(_ new: String, _ listing: Listing, at now: Duration) {
        if !listing.version.isEmpty, new.isOlderVersion(than: version) {
            relist("")
            return fail(.server, wentBack(to: new), at: now)
        }
        ledger.endList()
        countFailedStream()
        (version, followed) = (new, choice)
        hasSynced = true
        (brokenStreams, silentWatches, refusedWatches) = (0, 0, 0)
        aim = .watch
        succeed(at: now, isWatch: false)
    }

    /// A list has come, and if the server failed at a stream before it, that was a stream's fault: after the third time
    /// in a row it is not asked for one again.
    private mutating func countFailedStream() {
        failedStreams = listsPlainly ? failedStreams + 1 : 0
        if failedStreams > 2 { mayStream = false }
        listsPlainly = false
    }
}

/// Polls `condition` until it holds or `limit` has passed; says whether it held.
///
/// Use it as `#expect(await eventually { relay.openConnections == 0 })`: the failure then points at the test's own line.
public func eventually(
    within limit: Duration = .seconds(10), every pause: Duration = .milliseconds(5),
    isolation: isolated (any Actor)? = #isolation,
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = Deadline.within(limit)
    while true {
        if try await condition() { return true }
        if deadline.hasPassed { return false }
        // A cancelled test should not spin through its remaining polls.
        guard (try? await Task.sleep(for: pause)) != nil else { return try await condition() }
    }
}

public import Base
public import Cluster
public import Objects
public import Redirect
internal import Resolution

/// What a node would tell its kernel about objects if all that it wants to listen at were open. Nothing is opened,
/// started or changed.
public struct NodeRendering: Sendable {
    /// Everything, as a back end is told it at first.
    public let change: KernelChange
    public let notes: [String]
    public let problems: [Problem]
    /// What people should know, though all is as it was asked for.
    public let warnings: [String]

    /// - Parameter look: gives the node's addresses, for which its object counts.
    public init(_ objects: ObjectChanges, _ settings: NodeSettings, look: (Node?) -> NodeAddresses) {
        var state = NodeState(settings, isRedirecting: true)
        let keys = state.take(objects) { node, _ in look(node) }
        _ = state.plan(keys)
        var change = KernelChange(node: state.redirection)
        var (notes, problems) = ([String](), [Problem]())
        for key in state.services.keys.sorted() {
            let plan = state.services[key]?.plan ?? ServicePlan()
            let found = state.resolver.services[key]?.notes ?? []
            change.services[key] = KernelService(
                portals: plan.portals(on: state.planner.addresses), carried: plan.carried)
            notes += found.filter { $0.level == .info }.map(\.description) + plan.notes
            problems += found.compactMap { Problem($0) } + plan.problems
        }
        self.change = change
        self.notes = notes
        warnings = state.warnings
        self.problems = problems + state.resolver.strayNotes.compactMap { Problem($0) }
    }
}

import Balancing
import Status

/// What a live view shows: a value, made from a status and counters by ``ViewFeed``, and put on paper by ``Frame``.
/// Neither knows of the other or of a terminal.
struct ViewModel: Sendable, Equatable {
    /// What runs, such as `portico dev`.
    let name: String
    var phase = Status.Phase.serving
    /// In the order of their names.
    var rows: [ServiceRow] = []
    /// Connections of all service ports, those that are no longer served included.
    var open = 0
    var accepted: UInt64 = 0
    /// Bytes a second, both ways.
    var rate: UInt64 = 0
    var problems = 0
    /// Short sentences for the end, the most important first.
    var remarks: [String] = []
}

/// One service port in a live view.
struct ServiceRow: Sendable, Equatable {
    /// In the order of how much they have to say.
    enum State: Int, Sendable, Comparable {
        /// It answers nowhere: the addresses are not to be had.
        case closed
        /// No endpoint answers.
        case failing
        /// Some endpoints do not answer, or it answers at some of its addresses only.
        case partly
        case ok
        /// It has no endpoints.
        case empty

        static func < (a: State, b: State) -> Bool { a.rawValue < b.rawValue }

        var isServed: Bool { self != .closed && self != .empty }
    }

    let id: ServicePortID
    var state: State
    /// Where it answers, the Service's own address first.
    var addresses: [String] = []
    var endpoints = 0
    /// Those that are not passed over.
    var usable = 0
    /// Connections and flows that are open now, and that ever were.
    var open = 0
    var accepted: UInt64 = 0
    /// Bytes a second, both ways.
    var rate: UInt64 = 0
    /// Why it is not well, or what failed last.
    var remark: String?

    /// How many ranks there are.
    static let ranks = 7

    /// Where it stands among others when there is no room for all: trouble, then what is used, then the rest.
    var rank: Int {
        switch state {
        case .closed, .failing: 0
        case .partly: 1
        case .ok: open > 0 ? 2 : accepted > 0 ? 3 : remark != nil ? 4 : 6
        case .empty: 5
        }
    }
}

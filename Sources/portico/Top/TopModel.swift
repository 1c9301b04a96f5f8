import Base

/// What `portico top` shows and how a person moves in it. A value: pictures and keys go in, a frame comes out
/// (``TopFrame``).
struct TopModel: Sendable {
    enum Action: Hashable, Sendable {
        case none, quit
    }

    /// More than any name has: who leans on a key does not wait for all that is typed.
    private static let longestFilter = 128

    private(set) var picture: StatusPicture?
    /// Why there is no newer picture, and since when.
    private(set) var failure: (text: String, since: ContinuousClock.Instant)?
    private(set) var rows: [TopRow] = []
    private(set) var order = TopOrder.trouble
    private(set) var filter = ""
    /// Keys go into the filter.
    private(set) var isTyping = false
    private(set) var isShowingHelp = false
    /// Index of the row that is marked.
    private(set) var selected = 0
    /// The service port that is looked at alone.
    private(set) var opened: StatusPicture.Port?
    /// Of the whole process, since the picture before, a second.
    private(set) var accepted = 0.0
    private(set) var bytes = 0.0
    /// Rows that a page has; whoever draws says so.
    var page = 10
    private var time: ContinuousClock.Instant?
    private var all: [TopRow] = []

    mutating func take(_ new: StatusPicture, at now: ContinuousClock.Instant) {
        let seconds = time.map { (now - $0) / .seconds(1) } ?? 0
        let isSame = picture?.pid == new.pid
        let before = Dictionary(
            (isSame ? picture?.services ?? [] : []).flatMap(\.ports).map { (Self.key($0), $0) }
        ) { first, _ in first }
        all = new.services.flatMap(\.ports).map { TopRow($0, before: before[Self.key($0)], seconds: seconds) }
        if isSame, seconds > 0, let old = picture?.totals {
            accepted = Double(max(0, new.totals.accepted - old.accepted)) / seconds
            bytes = Double(max(0, new.totals.bytesUp + new.totals.bytesDown - old.bytesUp - old.bytesDown)) / seconds
        } else {
            (accepted, bytes) = (0, 0)
        }
        (picture, time, failure) = (new, now, nil)
        if let opened { self.opened = all.first { Self.key($0.port) == Self.key(opened) }?.port ?? opened }
        arrange()
    }

    /// There was no answer, and so there has been none since the last picture.
    mutating func fail(_ text: String, at now: ContinuousClock.Instant) {
        failure = (text, failure?.since ?? time ?? now)
    }

    private static func key(_ port: StatusPicture.Port) -> [String] { [port.service, port.family, port.policy] }

    /// The mark stays with its row, wherever that goes.
    private mutating func arrange() {
        let marked = rows.indices.contains(selected) ? Self.key(rows[selected].port) : nil
        let wanted = filter.lowercased()
        rows = all.filter { row in
            wanted.isEmpty || row.name.lowercased().contains(wanted)
                || row.port.places.contains { $0.contains(wanted) }
                || row.port.endpoints.contains { $0.pod.contains(wanted) || $0.address.contains(wanted) }
        }.sorted(by: order.areInOrder)
        // Who has not moved yet looks at what comes first.
        if selected > 0, let marked, let index = rows.firstIndex(where: { Self.key($0.port) == marked }) {
            selected = index
        }
        selected = max(0, min(selected, rows.count - 1))
    }

    // MARK: Keys

    mutating func take(_ key: TopKey) -> Action {
        if isTyping { return type(key) }
        if isShowingHelp {
            isShowingHelp = false
            return key == .character("q") ? .quit : .none
        }
        switch key {
        case .character("q"): return .quit
        case .character("?"), .character("h"): isShowingHelp = true
        case .escape, .backspace:
            if opened != nil {
                opened = nil
            } else if !filter.isEmpty {
                filter = ""
                arrange()
            }
        case _ where opened != nil: break
        case .up, .character("k"): move(by: -1)
        case .down, .character("j"): move(by: 1)
        case .pageUp: move(by: -page)
        case .pageDown, .character(" "): move(by: page)
        case .home, .character("g"): move(by: -rows.count)
        case .end, .character("G"): move(by: rows.count)
        case .enter: if rows.indices.contains(selected) { opened = rows[selected].port }
        case .character("/"): isTyping = true
        case .character("s"): sort(by: 1)
        case .character("S"): sort(by: -1)
        default: break
        }
        return .none
    }

    private mutating func type(_ key: TopKey) -> Action {
        switch key {
        case .enter: isTyping = false
        case .escape: (isTyping, filter) = (false, "")
        case .backspace: if filter.isEmpty { isTyping = false } else { filter.removeLast() }
        case .character(let character): if filter.count < Self.longestFilter { filter.append(character) }
        default: break
        }
        arrange()
        return .none
    }

    private mutating func move(by step: Int) { selected = max(0, min(selected + step, rows.count - 1)) }

    private mutating func sort(by step: Int) {
        let all = TopOrder.allCases
        let index = all.firstIndex(of: order) ?? 0
        order = all[(index + step + all.count) % all.count]
        selected = 0
        arrange()
    }
}

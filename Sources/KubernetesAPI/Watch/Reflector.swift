internal import Cluster
internal import Documents

/// Keeps up with the objects of one kind at an API server: lists them, then watches what changes, and starts over where
/// that must be.
///
/// A value without a clock or a connection. Whoever drives it does what ``next(at:)`` says and tells what comes of it.
/// Times are those of the driver's clock, from a beginning of its choice.
struct Reflector {
    /// What is to be done next.
    enum Step: Hashable {
        case send(APIRequest)
        case wait(Duration)
    }

    /// What the next request is for.
    enum Aim: Hashable {
        case list(Listing)
        /// Everything after ``version``.
        case watch
    }

    /// A list that is to be asked for.
    struct Listing: Hashable {
        /// At least as new; empty for what there is now, `0` for whatever the server has at hand.
        var version: String
        /// Not all in one answer.
        var isPaged = true
        /// Where the next page begins.
        var continuation: String?
        /// That the first page was of.
        var versionOfPages = ""
        var pages = 0

        /// Where a cache has a state, one page of it cannot be had.
        var limit: Int? { isPaged && (version.isEmpty || version == "0") ? 500 : nil }
    }

    /// What is under way.
    enum Phase: Hashable {
        case idle
        case listing(Listing)
        /// A streaming list: all objects come as events, and at their end a bookmark. From then on it is a watch.
        case streaming(Listing)
        case watching
        /// The answer is no 200; its body says why.
        case refused(APIStatus)
    }

    /// The kinds that will do, best first: the first that the server has is followed.
    let resources: [WatchedResource]
    /// The next one will do where one may not be read, too.
    let takesWhatIsAllowed: Bool
    /// What was said of the best of them, if it may not be read.
    var denial: String?
    var choice = 0
    /// The one that is known.
    var followed = 0
    var aim = Aim.list(Listing(version: "0"))
    var phase = Phase.idle
    /// What has come of the answer under way and is not read yet; of one that is no 200, all of it.
    var cutter = JSONCutter(.values)
    var refusal: [UInt8] = []
    /// When the answer under way has to be over, however much still comes: nobody means to list for so long, and of a
    /// watch it was asked that it ends.
    var deadline = Duration.zero
    /// A list has been seen to be of the right kind, and not older than what is known, before its elements are taken.
    var isHeadRead = false
    /// When the request under way was sent, and whether its answer has begun.
    var asked = Duration.zero
    var hasHead = false
    /// When the watch under way began to be answered; nil for what is no watch.
    var watchedSince: Duration?
    /// How many watches in a row have ended at once.
    var shortWatches = 0
    /// So many in a row are worth a word.
    private static let mostShortWatches = 3

    /// The newest version that all objects are known of.
    var version = ""
    /// All objects have been known once.
    var hasSynced = false
    var ledger: ObjectLedger
    var outage: Outage?
    /// The server may list by a stream. What it has refused it is not asked again.
    var mayStream = true
    var brokenStreams = 0
    /// It has failed at a stream, so the next list is an ordinary one; and how often in a row those it did not fail at.
    var listsPlainly = false
    var failedStreams = 0
    /// The server sends bookmarks, so that silence means something.
    var hasBookmarks = false
    var silentWatches = 0
    var refusedWatches = 0
    /// How often in a row what was allowed before has been forbidden.
    var denials = 0

    var backoff = Backoff()
    var waitsUntil: Duration?
    var random: any RandomNumberGenerator
    let strings = StringCache()

    /// - Parameter resources: one at least.
    init(
        _ resources: [WatchedResource], takesWhatIsAllowed: Bool = false, random: any RandomNumberGenerator,
        ledger: ObjectLedger = ObjectLedger()
    ) {
        self.resources = resources
        self.takesWhatIsAllowed = takesWhatIsAllowed
        self.random = random
        self.ledger = ledger
    }

    var resource: WatchedResource { resources[choice] }

    /// No list of them has ever come, and there may be some.
    var isUnknown: Bool { version.isEmpty }

    // MARK: Asking

    mutating func next(at now: Duration) -> Step {
        if let until = waitsUntil {
            if until > now { return .wait(until - now) }
            waitsUntil = nil
        }
        (asked, hasHead, watchedSince, isHeadRead) = (now, false, nil, false)
        let seconds = Int.random(in: 300...600, using: &random)
        deadline = now + (aim == .watch ? .seconds(seconds + 60) : WatchedResource.longestList)
        cutter = JSONCutter(.values)
        switch aim {
        case .list(let listing) where mayStream && !listsPlainly && listing.continuation == nil:
            ledger.beginList()
            phase = .streaming(listing)
            return .send(resource.stream(version: listing.version, seconds: seconds))
        case .list(let listing):
            if listing.continuation == nil { ledger.beginList() }
            phase = .listing(listing)
            cutter = JSONCutter(.list)
            return .send(
                resource.list(
                    version: listing.version, limit: listing.limit, continuation: listing.continuation))
        case .watch:
            phase = .watching
            return .send(resource.watch(after: version, seconds: seconds))
        }
    }

    /// Everything is to be listed again; what differs from what is known will be told. The request under way is to be
    /// ended.
    mutating func reread() {
        relist(hasSynced ? version : "0")
        (phase, waitsUntil) = (.idle, nil)
    }

    /// A list is next.
    ///
    /// - Parameter version: at least as new; empty for what there is now.
    mutating func relist(_ version: String, isPaged: Bool = true) {
        aim = .list(Listing(version: version, isPaged: isPaged))
        // The server may have become another since it was asked for the best.
        choice = 0
    }

    /// The request under way has been ended, for a reason that is not the server's.
    mutating func interrupt() { phase = .idle }

    // MARK: How it went

    /// Something has come that shows that all is well. After watches that ended at once, only one that lasts shows
    /// that.
    mutating func succeed(at now: Duration, isWatch: Bool) {
        denials = 0
        guard let outage, isWatch || !outage.isOfWatch else { return }
        if !outage.isRecurring || backoff.isEnough(lasted(at: now)) { self.outage = nil }
    }

    /// How long the watch under way has been answered.
    private func lasted(at now: Duration) -> Duration { watchedSince.map { now - $0 } ?? .zero }

    /// A watch has ended, and goes on where it was.
    ///
    /// - Parameter failure: how, unless it was in order. It is worth a word only if the next attempt fails, too.
    mutating func endWatch(_ failure: String? = nil, at now: Duration) {
        succeed(at: now, isWatch: true)
        if let failure, outage == nil { hasFailed(.server, failure, at: now, isWorthTelling: false) }
        countShortWatch(failure, at: now)
        phase = .idle
        waitsUntil = now + backoff.ended(after: lasted(at: now), &random)
    }

    private mutating func countShortWatch(_ reason: String?, at now: Duration) {
        shortWatches = backoff.isEnough(lasted(at: now)) ? 0 : shortWatches + 1
        guard shortWatches >= Self.mostShortWatches, outage?.isWorthTelling != true else { return }
        outage = Outage(
            cause: .resource, text: "watches of \(resource.title) end at once" + (reason.map { ": \($0)" } ?? ""),
            since: outage?.since ?? now, isOfWatch: true, isRecurring: true)
    }

    /// Another attempt follows, not at once, and nobody need know unless it happens to watch after watch.
    mutating func pause(_ reason: String, at now: Duration, least: Duration = .zero) {
        if aim == .watch { countShortWatch(reason, at: now) }
        phase = .idle
        waitsUntil = now + max(backoff.failed(after: lasted(at: now), &random), least)
    }

    /// What was under way is over, and another attempt follows, not at once.
    ///
    /// - Parameter least: what the server asks for.
    mutating func fail(
        _ cause: Outage.Cause, _ text: String, at now: Duration, isWorthTelling: Bool = true, least: Duration = .zero
    ) {
        hasFailed(cause, text, at: now, isWorthTelling: isWorthTelling)
        phase = .idle
        waitsUntil = now + max(backoff.failed(after: lasted(at: now), &random), least)
    }

    private mutating func hasFailed(_ cause: Outage.Cause, _ text: String, at now: Duration, isWorthTelling: Bool) {
        outage = Outage(
            cause: cause, text: text, since: outage?.since ?? now, isOfWatch: aim == .watch,
            isRecurring: aim == .watch && watchedSince != nil && !backoff.isEnough(lasted(at: now)),
            isWorthTelling: isWorthTelling || outage?.isWorthTelling ?? false)
    }
}

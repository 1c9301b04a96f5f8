// What a server says instead of what was asked for: as an answer, or as an event in the middle of a watch.
extension Reflector {
    /// - Parameter isEvent: it is said in the middle of an answer that began well.
    mutating func refuse(_ status: APIStatus, isEvent: Bool = false, at now: Duration) {
        phase = .idle
        switch aim {
        case .list(let listing): refuseList(listing, status, isEvent, at: now)
        case .watch: refuseWatch(status, at: now)
        }
    }

    private mutating func refuseList(
        _ listing: Listing, _ status: APIStatus, _ isEvent: Bool, at now: Duration
    ) {
        if status.isExpired, !listing.version.isEmpty || listing.continuation != nil {
            // The pages took longer than the server keeps a state: then all in one.
            relist("", isPaged: listing.continuation == nil)
            return pause("it answers \(status.words)", at: now)
        }
        if status.isTooNew, !listing.version.isEmpty {
            relist("")
            return pause("it answers \(status.words)", at: now, least: least(status))
        }
        if status.code == 403, isDoubtful(at: now) { return }
        if mayStream, !listsPlainly, listing.continuation == nil {
            if Self.meansNoStreams(status) || isEvent && status.code == 500 {
                mayStream = false
                return
            }
            // A server that is in trouble answers so, too: an ordinary list, which is next, brings that out.
            if status.code == 500 {
                listsPlainly = true
                return
            }
        }
        switch status.code {
        case 404: return refuseUnknown(at: now)
        case 403: return refuseForbidden(status, at: now)
        case 400 where listing.continuation != nil: relist("", isPaged: false)
        default: break
        }
        failAsRefused(status, at: now)
    }

    /// Older servers do not know `sendInitialEvents`; newer ones may not be able to, or may not be allowed to let us
    /// watch.
    private static func meansNoStreams(_ status: APIStatus) -> Bool {
        [400, 403, 404, 405, 406, 415, 422, 501].contains(status.code)
    }

    /// The kind may not be listed. It is the best one that a permission is asked for.
    private mutating func refuseForbidden(_ status: APIStatus, at now: Duration) {
        if choice == 0 || denial == nil { denial = resource.missingPermission(to: "list", status) }
        if takesWhatIsAllowed, choice + 1 < resources.count {
            choice += 1
            return
        }
        let text = denial ?? resource.missingPermission(to: "list", status)
        choice = 0
        fail(.resource, text, at: now, least: .seconds(15))
    }

    /// The server does not have the kind.
    private mutating func refuseUnknown(at now: Duration) {
        if choice == 0 { denial = nil }
        if choice + 1 < resources.count {
            choice += 1
            return
        }
        let path = resource.path
        relist(version)
        if !hasSynced {
            // None, so that what there is of other kinds can be served.
            ledger.endList()
            hasSynced = true
        }
        fail(
            .resource, "the API server does not know \(path) (404): is it one of Kubernetes?", at: now,
            least: .seconds(15))
    }

    private mutating func refuseWatch(_ status: APIStatus, at now: Duration) {
        if status.isExpired {
            pause("it answers \(status.words)", at: now)
            return relist(version)
        }
        if status.code == 403, isDoubtful(at: now) { return }
        refusedWatches += 1
        switch status.code {
        case 403:
            let text = resource.missingPermission(to: "watch", status) + "; until then they are listed now and then"
            fail(.resource, text, at: now, least: .seconds(15))
            relist(version)
        case 401, 429, 503: failAsRefused(status, at: now)
        default:
            failAsRefused(status, at: now)
            // Whatever it is about the version that it does not like, a list gives another.
            if status.isTooNew || status.code == 404 || status.code == 400 || refusedWatches > 2 {
                relist("")
            }
        }
    }

    /// That something is forbidden which was allowed before is believed when it was said three times: an API server
    /// that has just started does not know its roles yet, and goes on with the watch a moment later.
    ///
    /// - Returns: whether the same is to be asked again, without a word.
    private mutating func isDoubtful(at now: Duration) -> Bool {
        guard hasSynced, !isUnknown, outage?.cause != .resource, denials < 2 else { return false }
        denials += 1
        waitsUntil = now + backoff.failed(after: .zero, &random)
        return true
    }

    private mutating func failAsRefused(_ status: APIStatus, at now: Duration) {
        let text =
            switch status.code {
            case 401: "it does not accept the credentials (401)"
            case 300..<400: "it answers \(status.code), a redirect, which is not followed"
            default: "it answers \(status.words)"
            }
        fail(.server, text, at: now, least: least(status))
    }

    /// What the server asks for, within reason.
    private func least(_ status: APIStatus) -> Duration {
        .seconds(min(max(status.retryAfter ?? 0, 0), 120))
    }
}

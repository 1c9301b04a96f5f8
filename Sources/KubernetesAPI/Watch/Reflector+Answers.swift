internal import Objects

// What comes as an answer, piece by piece.
extension Reflector {
    /// The head of the answer is there.
    mutating func begin(status: Int, retryAfter: String?, at now: Duration) {
        hasHead = true
        guard status != 200 else {
            if phase == .watching {
                watchedSince = now
                succeed(at: now, isWatch: true)
            }
            return
        }
        var answer = APIStatus(code: status)
        answer.retryAfter = retryAfter.flatMap { Int($0) }
        phase = .refused(answer)
        refusal = []
    }

    /// A piece of the body is there.
    ///
    /// - Returns: whether more is wanted. If not, the request is to be ended without another word.
    mutating func receive(_ bytes: [UInt8], at now: Duration) -> Bool {
        switch phase {
        case .idle: return false
        case .listing(let listing):
            guard now < deadline else { return giveUp("its list of \(resource.title) does not end", at: now) }
            cutter.append(bytes)
            return read(listing, at: now)
        case .streaming where now >= deadline:
            breakStream("its list of \(resource.title) does not end", at: now)
            return false
        case .watching where now >= deadline:
            endWatch(at: now)
            return false
        case .streaming, .watching:
            cutter.append(bytes)
            return follow(at: now)
        case .refused:
            refusal += bytes
            guard refusal.count > 1 << 16 else { return true }
            end(at: now)
            return false
        }
    }

    /// The body has ended as it should.
    mutating func end(at now: Duration) {
        switch phase {
        case .idle: break
        case .listing(let listing):
            guard cutter.isComplete else { return fail(.server, "its list of \(resource.title) broke off", at: now) }
            finishPage(listing, at: now)
        case .streaming: breakStream("ended its list of \(resource.title) before all had come", at: now)
        case .watching: endWatch(at: now)
        case .refused(let answer):
            var status = APIStatus(code: answer.code, body: refusal)
            status.retryAfter = answer.retryAfter ?? status.retryAfter
            refuse(status, at: now)
        }
    }

    /// There is no answer, or no more of it.
    mutating func fail(_ error: APIError, at now: Duration) {
        switch error {
        case .silent: return fallSilent(error.description, at: now)
        default: break
        }
        switch phase {
        case .idle: break
        case .refused: end(at: now)
        case .streaming where hasHead: breakStream(error.description, at: now)
        case .watching where hasHead: endWatch(error.description, at: now)
        case .listing, .streaming, .watching: fail(.server, error.description, at: now)
        }
    }

    private mutating func fallSilent(_ text: String, at now: Duration) {
        switch phase {
        case .idle: break
        case .refused: end(at: now)
        case .streaming where hasHead:
            // A server that does not know streaming lists may take it for an ordinary watch, and say nothing more.
            mayStream = false
            phase = .idle
        case .watching where hasHead && !hasBookmarks: endWatch(at: now)
        case .watching where hasHead:
            silentWatches += 1
            // Perhaps it waits for a version that it will never reach: its past was replaced. A list brings that out.
            if silentWatches > 1 { relist(version) }
            fail(.server, text, at: now, isWorthTelling: false)
        case .listing, .streaming, .watching: fail(.server, text, at: now)
        }
    }

    // MARK: Events

    private mutating func follow(at now: Duration) -> Bool {
        let kind = resource.kind
        do throws(JSONCutter.Failure) {
            while let event = try cutter.next({ WatchEvent($0, of: kind) }) {
                guard take(event, at: now) else { return false }
                guard !ledger.isFull else { return giveUp(tooMany, at: now) }
            }
        } catch {
            return giveUp(words(for: error), at: now)
        }
        return true
    }

    /// - Returns: whether to go on.
    private mutating func take(_ event: WatchEvent, at now: Duration) -> Bool {
        let isList = if case .streaming = phase { true } else { false }
        switch event {
        case .changed(let object):
            if !isList {
                let new = object.version ?? ""
                guard !new.isOlderVersion(than: version) else { return giveUpGoingBack(to: new, at: now) }
                advance(to: new)
            }
            ledger.update(object, strings)
        case .deleted(let object):
            if let id = object.id { ledger.remove(id) }
            // Old servers send the version that the object had before.
            if !isList { advance(to: object.version ?? "") }
        case .bookmark(let new, let endsList):
            hasBookmarks = true
            guard case .streaming(let listing) = phase else {
                advance(to: new)
                break
            }
            guard endsList else { break }
            guard !new.isEmpty else {
                breakStream("its list of \(resource.title) has no resourceVersion", at: now)
                return false
            }
            finishList(new, listing, at: now)
            guard aim == .watch else { return false }
            (phase, watchedSince) = (.watching, now)
            succeed(at: now, isWatch: true)
        case .error(let status):
            refuse(status, isEvent: true, at: now)
            return false
        case .unreadable(let object): ledger.fail(object)
        }
        if !isList {
            (silentWatches, refusedWatches) = (0, 0)
            succeed(at: now, isWatch: true)
        }
        return true
    }

    private mutating func advance(to new: String) {
        if !new.isEmpty, !new.isOlderVersion(than: version) { version = new }
    }

    // MARK: What is wrong

    private mutating func giveUpGoingBack(to new: String, at now: Duration) -> Bool {
        relist("")
        return giveUp(wentBack(to: new), at: now)
    }

    mutating func giveUp(_ text: String, at now: Duration) -> Bool {
        fail(.server, text, at: now)
        return false
    }

    var tooMany: String { "it has more than \(ledger.count - 1) \(resource.title)" }

    func wentBack(to new: String) -> String {
        "it went back from resourceVersion \(version) to \(new.shortened(to: 30)) of \(resource.title)"
    }

    func words(for failure: JSONCutter.Failure) -> String {
        switch failure {
        case .noJSON(let text): "expected JSON, found \"\(text.shortened(to: 60))\""
        case .endless: "it sends \(resource.title) without end"
        }
    }

    /// A streaming list has not come to its end.
    private mutating func breakStream(_ text: String, at now: Duration) {
        brokenStreams += 1
        if brokenStreams > 1 { mayStream = false }
        fail(.server, text, at: now, isWorthTelling: brokenStreams > 1)
    }
}

extension String {
    /// Versions are numbers, though nobody promises it; of others it cannot be told which is older.
    func isOlderVersion(than other: String) -> Bool {
        guard let this = UInt64(self), let that = UInt64(other) else { return false }
        return this < that
    }
}

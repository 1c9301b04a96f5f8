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

    // MARK: Lists

    private mutating func read(_ listing: Listing, at now: Duration) -> Bool {
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

    private mutating func finishPage(_ listing: Listing, at now: Duration) {
        guard let head = ListHead(cutter.envelope) else {
            return fail(.server, "its list of \(resource.title) is no JSON", at: now)
        }
        guard !refuses(head, listing, at: now) else { return }
        guard !head.kind.isEmpty else { return fail(.server, "expected a \(resource.listKind), found \"\"", at: now) }
        // An empty list of Go is `null`. Without the field it is another answer, and none that says that there are no objects.
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
    private mutating func finishList(_ new: String, _ listing: Listing, at now: Duration) {
        if !listing.version.isEmpty, new.isOlderVersion(than: version) {
            relist("")
            return fail(.server, wentBack(to: new), at: now)
        }
        ledger.endList()
        (version, followed) = (new, choice)
        hasSynced = true
        (brokenStreams, silentWatches, refusedWatches) = (0, 0, 0)
        aim = .watch
        succeed(at: now, isWatch: false)
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
            refuse(status, at: now)
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

    private mutating func giveUp(_ text: String, at now: Duration) -> Bool {
        fail(.server, text, at: now)
        return false
    }

    private var tooMany: String { "it has more than \(ledger.count - 1) \(resource.title)" }

    private func wentBack(to new: String) -> String {
        "it went back from resourceVersion \(version) to \(new.shortened(to: 30)) of \(resource.title)"
    }

    private func words(for failure: JSONCutter.Failure) -> String {
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
    fileprivate func isOlderVersion(than other: String) -> Bool {
        guard let this = UInt64(self), let that = UInt64(other) else { return false }
        return this < that
    }
}

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// A Chromium that nobody sees, told what to do by WebDriver: requests in JSON to `chromedriver`.
///
/// It ends with ``end()``, and with this process however that ends; then neither a process nor a folder of it is left.
final class Browser: Sendable {
    private let driver: ChildProcess
    /// Where requests about its one window go.
    private let session: String
    /// The folder of what it remembers.
    private let profile: String

    /// Starts the driver, waits until whoever started this is gone, and clears up. The driver leads a session of processes, in which the
    /// browser is; what it writes is in a folder of its own. Signals are for the tests; what they do to those is seen here by the end of
    /// input.
    private static let keeper = """
        trap '' HUP INT TERM
        home=$(mktemp -d) || exit
        HOME=$home TMPDIR=$home setsid chromedriver --port=0 < /dev/null &
        driver=$!
        read -r _
        kill -KILL "-$driver"
        wait
        # The one that reports crashes has a session of its own, and may write until it sees that all others are gone.
        for _ in 1 2 3 4 5; do rm -rf "$home" && break; sleep 1; done
        """

    static func started() async throws -> Browser {
        // Without any of whoever runs the tests.
        let none = ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DISPLAY"]
        let driver = try ChildProcess(
            "/bin/sh", ["-c", keeper], environment: Dictionary(uniqueKeysWithValues: none.map { ($0, "") }))
        await driver.waitFor("started successfully on port ")
        let said = driver.output.split(separator: "successfully on port ").last ?? ""
        let place = "http://127.0.0.1:\(try #require(Int(said.prefix(while: \.isNumber))))"
        // In a container it is run by root, and has little of what it would like to share.
        let options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        let wishes: [String: Any] = [
            "goog:chromeOptions": ["args": options], "goog:loggingPrefs": ["browser": "ALL"],
        ]
        do {
            let made: Session = try await ask(.POST, "\(place)/session", ["capabilities": ["alwaysMatch": wishes]])
            return Browser(driver, "\(place)/session/\(made.sessionId)", profile: made.capabilities.chrome.userDataDir)
        } catch {
            // With its object the shell would be gone before it has cleared up.
            driver.closeInput()
            _ = try? await driver.finished()
            throw error
        }
    }

    private init(_ driver: ChildProcess, _ session: String, profile: String) {
        (self.driver, self.session, self.profile) = (driver, session, profile)
    }

    func end() async {
        _ = try? await Self.ask(.DELETE, session, nil) as Nothing
        driver.closeInput()
        let result = try? await driver.finished()
        #expect(result?.status == 0 && access(profile, F_OK) != 0, "\(result?.errors ?? "it did not end")")
    }

    // MARK: What a person does

    func open(_ address: String) async throws { try await tell("url", ["url": address]) }

    /// Presses keys, one after the other: characters, or those of ``Key``.
    func press(_ keys: String) async throws {
        let steps = keys.flatMap { key in ["keyDown", "keyUp"].map { ["type": $0, "value": String(key)] } }
        try await tell("actions", ["actions": [["type": "key", "id": "keyboard", "actions": steps]]])
    }

    /// Clicks in the middle of the first such element, which must not be covered by another.
    func click(_ selector: String) async throws {
        let found: [String: String] = try await Self.ask(
            .POST, "\(session)/element", ["using": "css selector", "value": selector])
        try await tell("element/\(try #require(found.values.first))/click")
    }

    func resize(width: Int, height: Int = 900) async throws {
        try await debug(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
    }

    /// The system's colours change.
    func prefer(_ scheme: String) async throws {
        try await debug(
            "Emulation.setEmulatedMedia", ["features": [["name": "prefers-color-scheme", "value": scheme]]])
    }

    // MARK: What is there

    /// The value of an expression of JavaScript in the page.
    func value<Value: Decodable & Sendable>(_ expression: String, as: Value.Type = Value.self) async throws -> Value {
        try await Self.ask(
            .POST, "\(session)/execute/sync", ["script": "return (\(expression))", "args": [String]()])
    }

    /// Waits until that is true; throws if it never is.
    func waitFor(_ condition: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let isSo = try await eventually(within: .seconds(30), every: .milliseconds(50)) {
            try await value("!!(\(condition))") as Bool
        }
        guard !isSo else { return }
        let text = try await value("document.body.innerText", as: String.self)
        Issue.record("\(condition): \(text.prefix(3000))", sourceLocation: sourceLocation)
        // What follows would wait in vain too.
        throw PeerError.timedOut(condition)
    }

    /// What the page and the browser have complained of since this was asked the last time.
    func complaints() async throws -> [String] {
        struct Entry: Decodable { let message: String }
        let entries: [Entry] = try await Self.ask(.POST, "\(session)/se/log", ["type": "browser"])
        return entries.map(\.message)
    }

    /// Writes what is in the window to a PNG for people, in the folder that `PORTICO_SCREENSHOTS` names, if it does.
    func photograph(_ name: String) async throws {
        guard let folder = ProcessInfo.processInfo.environment["PORTICO_SCREENSHOTS"] else { return }
        let picture: String = try await Self.ask(.GET, "\(session)/screenshot", nil)
        try Data(base64Encoded: picture)?.write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
    }

    // MARK: Asking

    private struct Session: Decodable {
        struct Capabilities: Decodable {
            struct Chrome: Decodable { let userDataDir: String }
            let chrome: Chrome
        }
        let sessionId: String
        let capabilities: Capabilities
    }
    private struct Answer<Value: Decodable>: Decodable { let value: Value }
    private struct Nothing: Decodable { init(from: any Decoder) {} }

    private func tell(_ path: String, _ body: [String: Any] = [:]) async throws {
        _ = try await Self.ask(.POST, "\(session)/\(path)", body) as Nothing
    }

    /// A command of Chromium's own, for what WebDriver has none.
    private func debug(_ command: String, _ parameters: [String: Any]) async throws {
        try await tell("goog/cdp/execute", ["cmd": command, "params": parameters])
    }

    private static func ask<Value: Decodable>(
        _ method: HTTPMethod, _ address: String, _ body: [String: Any]?
    ) async throws -> Value {
        var request = HTTPClientRequest(url: address)
        request.method = method
        if let body { request.body = .bytes(Array(try JSONSerialization.data(withJSONObject: body))) }
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let text = Data((try await answer.body.collect(upTo: 64 << 20)).readableBytesView)
        guard answer.status == .ok else {
            throw PeerError.unexpected(String(decoding: text.prefix(500), as: UTF8.self))
        }
        return try JSONDecoder().decode(Answer<Value>.self, from: text).value
    }
}

/// Keys that write nothing, as WebDriver calls them.
enum Key {
    static let enter = "\u{E007}"
    static let escape = "\u{E00C}"
    static let end = "\u{E010}"
    static let home = "\u{E011}"
    static let down = "\u{E015}"
}

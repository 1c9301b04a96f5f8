import TestSupport
import Testing

/// One browser for all tests of a suite, one after the other: to start one for each would take longer than most of them.
struct BrowserTrait: SuiteTrait, TestScoping {
    @TaskLocal static var current: Browser?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let browser = try await Browser.started()
        do {
            try await Self.$current.withValue(browser) { try await function() }
        } catch {
            await browser.end()
            throw error
        }
        await browser.end()
    }
}

extension Trait where Self == BrowserTrait {
    static var browser: BrowserTrait { BrowserTrait() }
}

extension Requirement {
    static let browser = Requirement("the programs chromium and chromedriver") {
        findProgram("chromium") != nil && findProgram("chromedriver") != nil
    }
}

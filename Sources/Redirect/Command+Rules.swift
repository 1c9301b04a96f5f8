internal import Base

extension Command {
    /// Runs a program that reads or changes what is redirected: it counts in ``RedirectTally``.
    ///
    /// - Parameter stop: kills it.
    func runForRules(input: String = "", stop: Stop? = nil) throws(RedirectError) -> Result {
        do throws(Failure) {
            return try run(input: input, stop: stop) { _ in RedirectTally.add(bytes: input.utf8.count) }
        } catch {
            switch error {
            case .notStarted(let program, let code): throw .notStarted(program: program, code: code)
            case .timedOut(let program, let seconds): throw .timedOut(program: program, seconds: seconds)
            case .tooLarge(let program, let limit): throw .tooLarge(program: program, limit: limit)
            // Its process ends, and nobody reads this.
            case .stopped(let program): throw .notStarted(program: program, code: SystemError.canceled)
            }
        }
    }
}

internal import Base
internal import EventLoop
internal import Glibc

extension Handover {
    /// Kills the process that listens at `path` without answering, and returns when it has ended. What it had open is
    /// lost: clients that are connected or wait are reset.
    ///
    /// - Returns: its number.
    /// - Throws: ``HandoverError``: it belongs to another user, is in another container, or does not end.
    public static func end(at path: String) async throws(HandoverError) -> Int32 {
        try await HandoverChannel.blocking { () throws(HandoverError) in
            do throws(SystemError) {
                let socket = try MessageSocket.connect(to: path, limit: HandoverChannel.patience)
                let user = try socket.peerUser()
                guard user == geteuid() || geteuid() == 0 else {
                    throw SystemError("end the process", path, code: EPERM)
                }
                guard let process = try socket.peerProcess() else {
                    throw SystemError("find the process", path, code: ESRCH)
                }
                guard kill(process, SIGKILL) == 0 || errno == ESRCH else {
                    throw SystemError("end process", "\(process)", code: errno)
                }
                try waitUntilGone(from: path)
                return process
            } catch {
                throw .system(error)
            }
        }
    }

    /// Its sockets are closed when nobody answers the calls at its path any more.
    private static func waitUntilGone(from path: String) throws(SystemError) {
        for _ in 0..<1000 {
            do throws(SystemError) {
                _ = try MessageSocket.connect(to: path, limit: 100)
            } catch {
                if error.isNobodyThere { return }
            }
            usleep(10_000)
        }
        throw SystemError("end the process at", path, code: ETIMEDOUT)
    }
}

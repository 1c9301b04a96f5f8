import EventLoop
import Glibc
import TestSupport
import Testing

/// A program on a terminal of its own, with a person before it.
final class TerminalProcess: Sendable {
    private let pid: pid_t
    private let master: Int32
    private let terminal: Locked<VirtualTerminal>
    private let reader: LoopThread
    /// Whether all that was ever written is in `terminal`.
    private let isRead = Locked(false)
    /// How it ended. Once that is known its number may be somebody else's, who is neither signalled nor waited for.
    private let status = Locked<Int32?>(nil)

    /// - Parameter environment: variables, in place of those of the same name here.
    init(
        _ program: String, _ arguments: [String], columns: Int = 80, rows: Int = 24, environment: [String: String] = [:]
    ) throws {
        // As posix_openpt and its friends do, which Glibc's module lacks: TIOCSPTLCK and TIOCGPTN.
        master = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number): (Int32, UInt32) = (0, 0)
        try #require(master >= 0 && ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
        let name = "/dev/pts/\(number)"
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)

        // Whoever begins a session and opens a terminal has that as his own.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        for stream in [STDOUT_FILENO, STDERR_FILENO] { posix_spawn_file_actions_adddup2(&actions, 0, stream) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(0x80 | POSIX_SPAWN_SETSIGMASK))  // POSIX_SPAWN_SETSID

        var variables = ["TERM": "xterm-256color", "PATH": "/usr/bin:/bin"]
        variables.merge(environment) { _, new in new }
        var child: pid_t = 0
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let entries = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + entries { free(text) } }
        try #require(posix_spawn(&child, program, &actions, &attributes, words, entries) == 0)
        pid = child

        let terminal = Locked(VirtualTerminal(columns: columns, rows: rows))
        self.terminal = terminal
        let (master, isRead) = (master, isRead)
        reader = try LoopThread(name: "terminal") {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            var rest: [UInt8] = []
            while case let count = read(master, &buffer, buffer.count), count > 0 {
                rest += buffer[..<count]
                let whole = Self.wholeCharacters(rest)
                terminal.withLock { $0.write(String(decoding: rest[..<whole], as: UTF8.self)) }
                rest.removeFirst(whole)
            }
            isRead.withLock { $0 = true }
        }
    }

    /// How many bytes are whole characters: the last one may come in two pieces.
    private static func wholeCharacters(_ bytes: [UInt8]) -> Int {
        for back in 1...min(3, bytes.count) {
            let byte = bytes[bytes.count - back]
            guard byte & 0xC0 != 0x80 else { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }

    deinit {
        signal(SIGKILL)
        _ = reap(0)
        // Reading from a terminal that nobody has open any more is an error.
        reader.join()
        close(master)
    }

    var screen: [String] { terminal.withLock { $0.screen } }
    /// With what has scrolled away.
    var text: [String] { terminal.withLock { $0.text } }
    /// From its title on, the view that stands there now.
    var view: [String] {
        let screen = screen
        return Array(screen[(screen.lastIndex { $0.hasPrefix("portico dev  ") } ?? 0)...])
    }
    var isCursorShown: Bool { terminal.withLock { $0.isCursorShown } }
    var unknown: [String] { terminal.withLock { $0.unknown } }

    /// Whether what is typed can be seen.
    var echoes: Bool {
        var modes = termios()
        return tcgetattr(master, &modes) == 0 && modes.c_lflag & tcflag_t(ECHO) != 0
    }

    /// A person presses keys.
    func type(_ keys: String) {
        _ = keys.withCString { Glibc.write(master, $0, strlen($0)) }
    }

    func signal(_ number: Int32) {
        status.withLock { if $0 == nil { kill(pid, number) } }
    }

    func resize(columns: Int, rows: Int) {
        terminal.withLock { $0.resize(columns: columns, rows: rows) }
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    /// Whether it is stopped, as by Ctrl-Z.
    var isStopped: Bool {
        status.withLock { status in
            var information = siginfo_t()
            return status == nil && waitid(P_PID, id_t(pid), &information, WSTOPPED | WNOWAIT | WNOHANG) == 0
                && information.si_signo == SIGCHLD
        }
    }

    /// Whether it has ended, or had before.
    private func reap(_ options: Int32) -> Bool {
        status.withLock { status in
            var value: Int32 = 0
            guard status == nil, waitpid(pid, &value, options) == pid else { return status != nil }
            status = value & 0x7F == 0 ? value >> 8 & 0xFF : 128 + (value & 0x7F)
            return true
        }
    }

    func waitFor(_ text: String) async throws {
        let found = await eventually(within: .seconds(30)) { self.screen.contains { $0.contains(text) } }
        #expect(found, "\(self.screen.joined(separator: "\n"))")
    }

    /// The exit status, or 128 plus the signal that ended it. What it has written can be seen from then on, all of it.
    func finished() async throws -> Int32 {
        let ended = await eventually(within: .seconds(30)) { self.reap(WNOHANG) }
        try #require(ended)
        // It ends when nobody has the terminal open any more.
        let read = await eventually(within: .seconds(30)) { self.isRead.withLock { $0 } }
        try #require(read, "somebody still has the terminal")
        return try #require(status.withLock { $0 })
    }
}

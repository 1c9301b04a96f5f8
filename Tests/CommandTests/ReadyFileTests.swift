import Base
import Glibc
import TestSupport
import Testing

@testable import portico

@Suite("The file that is there while a daemon serves") struct ReadyFileTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.file("ready") }

    init() throws { folder = try TemporaryDirectory() }

    private var isThere: Bool { access(path, F_OK) == 0 }

    @Test("It comes and goes with its process, and what a killed one has left is taken away before anybody serves")
    func life() throws {
        try folder.write("", to: "ready")
        let file = ReadyFile(path)
        try file.prepare()
        #expect(!isThere)
        try file.appear()
        #expect(isThere)
        file.vanish()
        #expect(!isThere)
        file.vanish()
    }

    @Test("Of two processes with the same path, neither takes the other's away")
    func two() throws {
        let former = ReadyFile(path)
        try former.prepare()
        try former.appear()
        let next = ReadyFile(path)
        try next.prepare()
        #expect(isThere, "the former one still serves")
        try next.appear()
        former.vanish()
        #expect(isThere, "the next one serves")
        next.vanish()
        #expect(!isThere)
    }

    @Test("The file of the process that serves is there in the end, also where the former one leaves at that moment")
    func handover() async throws {
        for round in 0..<500 {
            let (former, next) = (ReadyFile(path), ReadyFile(path))
            try former.appear()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { former.vanish() }
                group.addTask { try? next.appear() }
            }
            #expect(isThere, "in round \(round)")
            next.vanish()
            #expect(!isThere)
        }
    }

    @Test("What is not its own is refused, and stays as it is")
    func others() throws {
        try folder.write("clusterCIDR: 10.0.0.0/8", to: "config.yaml")
        mkfifo(folder.file("pipe"), 0o600)
        symlink(folder.file("config.yaml"), folder.file("link"))
        for name in ["config.yaml", "pipe", "link", ".", "none/ready"] {
            #expect(throws: CommandFailure.self, "\(name)") { try ReadyFile(folder.file(name)).prepare() }
        }
        #expect(access(folder.file("config.yaml"), F_OK) == 0 && access(folder.file("pipe"), F_OK) == 0)
    }
}

import Base
import Cluster
import Objects
import Testing

@testable import Manifests

/// What a change of some files leads to, and nothing more.
@Suite("Changes by object")
struct IncrementalTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        try workspace.makeFolder("m")
    }

    private func services(_ names: String..., port: Int = 80) -> String {
        names.map { service($0, port: port) }.joined(separator: "---\n")
    }

    @Test("Of a folder of files the objects are told that differ, and no others")
    func onlyWhatDiffers() throws {
        for number in 0..<50 { try workspace.write("m/\(number).yaml", services("a\(number)", "b\(number)")) }
        var (store, picture) = workspace.store("m")
        #expect(picture.objects.count == 100)
        try workspace.write("m/7.yaml", service("a7", port: 81) + "---\n" + service("b7"))
        #expect(store.settle(&picture).names == ["Service default/a7"])
        try workspace.remove("m/8.yaml")
        try workspace.write("m/9.yaml", services("a9", "b9", "c9"))
        #expect(store.settle(&picture).names == ["-Service default/a8", "-Service default/b8", "Service default/c9"])
        #expect(picture.problems.isEmpty)
    }

    @Test("A file that is given another name changes no object")
    func renamed() throws {
        try workspace.write("m/a.yaml", services("one", "two"))
        try workspace.write("m/b.yaml", services("three"))
        var (store, picture) = workspace.store("m")
        try workspace.move("m/a.yaml", to: "m/c.yaml")
        #expect(store.settle(&picture).names == [])
        #expect(picture.services == ["one:80", "three:80", "two:80"])
    }

    @Test("An object that moves from one file to another is never gone")
    func moved() throws {
        try workspace.write("m/a.yaml", services("one", "two"))
        try workspace.write("m/b.yaml", services("three"))
        var (store, picture) = workspace.store("m")
        try workspace.write("m/a.yaml", services("one"))
        try workspace.write("m/b.yaml", services("three", "two"))
        #expect(store.settle(&picture).names == [])
    }

    @Test("Who replaces whom is by the order of the files, whenever they came")
    func order() throws {
        try workspace.write("m/b.yaml", service("web", port: 2))
        var (store, picture) = workspace.store("m")

        try workspace.write("m/a.yaml", service("web", port: 1))
        #expect(store.settle(&picture).names == [], "an earlier file has no say")
        let warning = "m/b.yaml:1: Service default/web: replaces the one in m/a.yaml:1"
        #expect(picture.messages(workspace) == [warning])

        try workspace.write("m/c.yaml", service("web", port: 3))
        #expect(store.settle(&picture).names == ["Service default/web"])
        #expect(picture.services == ["web:3"])
        #expect(
            picture.messages(workspace) == [
                warning, "m/c.yaml:1: Service default/web: replaces the one in m/b.yaml:1",
            ])

        try workspace.remove("m/b.yaml")
        #expect(store.settle(&picture).names == [])
        #expect(picture.messages(workspace) == ["m/c.yaml:1: Service default/web: replaces the one in m/a.yaml:1"])

        try workspace.remove("m/c.yaml")
        #expect(store.settle(&picture).names == ["Service default/web"])
        #expect(picture.services == ["web:1"], "the next in line has the say again")
        #expect(picture.problems.isEmpty)
    }

    @Test("Inputs come before names")
    func inputs() throws {
        try workspace.makeFolder("a")
        try workspace.write("m/1.yaml", service("web", port: 1))
        try workspace.write("a/2.yaml", service("web", port: 2))
        #expect(workspace.store("m", "a").1.services == ["web:2"])
        #expect(workspace.store("a", "m").1.services == ["web:1"])
    }

    @Test("A source that has vanished keeps its place in the order")
    func vanishedKeepsItsPlace() throws {
        try workspace.makeFolder("a")
        try workspace.write("a/1.yaml", service("web", port: 1))
        try workspace.write("m/2.yaml", service("web", port: 2))
        var (store, picture) = workspace.store("a", "m")
        try workspace.move("a", to: "away")
        #expect(store.settle(&picture).names == [])
        #expect(picture.isPartial)
        #expect(picture.services == ["web:2"])
    }

    @Test("Problems and notes are told whole, and go when they are mended")
    func problems() throws {
        try workspace.write("m/a.yaml", service("a", port: 0))
        try workspace.write("m/b.yaml", service("b", port: 0))
        try workspace.write("m/c.yaml", "kind: ConfigMap\n---\n" + service("c"))
        var (store, picture) = workspace.store("m")
        #expect(picture.problems.count == 2)
        #expect(picture.notes.count == 1)
        try workspace.write("m/c.yaml", service("c", port: 81))
        #expect(store.settle(&picture).names == ["Service default/c"])
        #expect(picture.problems.count == 2)
        #expect(picture.notes.isEmpty)
        try workspace.write("m/a.yaml", service("a"))
        store.settle(&picture)
        #expect(picture.messages(workspace).count == 1)
        #expect(picture.messages(workspace).allSatisfy { $0.hasPrefix("m/b.yaml:6: ") })
    }

    @Test("A file that is named twice, itself and by its folder, counts once")
    func twice() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        var (store, picture) = workspace.store("m/web.yaml", "m")
        #expect(picture.problems.isEmpty)
        try workspace.write("m/web.yaml", service("web", port: 2))
        #expect(store.settle(&picture).names == ["Service default/web"])
        try workspace.remove("m/web.yaml")
        store.settle(&picture)
        #expect(picture.services == ["web:2"], "the file that was named is gone, and not deleted from a folder")
    }

    @Test("A file that is written all the time is read in the end")
    func restless() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        var (store, picture) = workspace.store("m")
        var looks = 0
        repeat {
            looks += 1
            try workspace.replace("m/web.yaml", service("web", port: 100 + looks))
            if store.poll() { picture.take(&store) }
        } while picture.services == ["web:1"] && looks < 100
        #expect((5...20).contains(looks))
    }

    @Test("What is being written is left in peace: one look does not act")
    func settling() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        var (store, picture) = workspace.store("m")
        try workspace.replace("m/web.yaml", "kind: Serv")
        #expect(store.poll() == false)
        try workspace.replace("m/web.yaml", service("web", port: 2))
        #expect(store.poll() == false)
        #expect(store.poll() == true)
        #expect(picture.take(&store).names == ["Service default/web"])
        #expect(picture.services == ["web:2"] && picture.problems.isEmpty)
    }

    @Test("What a rename has put in the place of a file is read at a second look at that file alone")
    func renamedInto() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        try workspace.write("m/api.yaml", service("api", port: 1))
        var (store, picture) = workspace.store("m")
        try workspace.replace("m/web.yaml", service("web", port: 2))
        #expect(store.poll() == false)
        #expect(store.isSoonConfirmed)
        #expect(store.confirm() == true)
        #expect(picture.take(&store).names == ["Service default/web"])
        #expect(!store.isSoonConfirmed)
        #expect(store.confirm() == false)
    }

    @Test("What is written meanwhile is left in peace until two looks at everything agree")
    func renamedAndWritten() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        var (store, picture) = workspace.store("m")
        try workspace.replace("m/web.yaml", "kind: Serv")
        #expect(store.poll() == false)
        #expect(store.isSoonConfirmed)
        try workspace.write("m/web.yaml", service("web", port: 22))
        #expect(store.confirm() == false)
        #expect(store.isWaiting)
        #expect(store.poll() == false)
        #expect(!store.isSoonConfirmed, "it does not rest")
        #expect(store.poll() == true)
        #expect(picture.take(&store).names == ["Service default/web"])
        #expect(picture.services == ["web:22"] && picture.problems.isEmpty)
    }

    @Test("What is written in place, comes or goes may be half done, and waits for a second look at everything")
    func inPlace() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        try workspace.write("m/api.yaml", service("api", port: 1))
        var (store, picture) = workspace.store("m")
        func changes(_ change: () throws -> Void) throws -> [String] {
            // A rename beside it waits, too: what changes together is told together.
            try workspace.replace("m/api.yaml", service("api", port: 1))
            try change()
            #expect(store.poll() == false)
            #expect(store.confirm() == false)
            #expect(store.poll() == true)
            return picture.take(&store).names
        }
        #expect(try changes { try workspace.write("m/web.yaml", service("web", port: 22)) } == ["Service default/web"])
        #expect(try changes { try workspace.write("m/new.yaml", service("new")) } == ["Service default/new"])
        #expect(try changes { try workspace.remove("m/new.yaml") } == ["-Service default/new"])
    }

    @Test("A file in the place of a folder of its name is noticed, and so is one that comes while another goes")
    func names() throws {
        try workspace.write("m/web.yaml", service("web", port: 1))
        try workspace.makeFolder("m/late.yaml")
        var (store, picture) = workspace.store("m")
        try workspace.remove("m/late.yaml")
        try workspace.write("m/late.yaml", service("late"))
        #expect(store.settle(&picture).names == ["Service default/late"])
        try workspace.remove("m/late.yaml")
        try workspace.write("m/soon.yaml", service("soon"))
        #expect(store.settle(&picture).names == ["-Service default/late", "Service default/soon"])
    }
}

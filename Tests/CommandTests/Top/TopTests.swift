import Base
import TestSupport
import Testing

@testable import portico

/// Status as a process tells it, with as many ports as a test wants.
enum StatusSample {
    static func port(
        _ service: String, ready: Int = 1, ejected: Int = 0, open: Int = 0, accepted: Int = 0, bytes: Int = 0,
        refused: Int = 0, address: String = "10.96.0.1:80"
    ) -> String {
        let endpoints = (0..<ready + ejected).map { index in
            #"{"address":"10.1.0.\#(index):80","pod":"pod-\#(index)","local":false,"#
                + #""state":"\#(index < ready ? "ready" : "ejected")","open":\#(index)}"#
        }
        return #"{"service":"\#(service)","portName":"","protocol":"TCP","family":"IPv4","policy":"cluster","#
            + #""addresses":[{"kind":"cluster IP","address":"\#(address)"},{"kind":"node port","address":"0.0.0.0:30080"}],"#
            + #""listening":[],"endpoints":[\#(endpoints.joined(separator: ","))],"future":[1,{"a":null}],"counters":"#
            + #"{"open":\#(open),"accepted":\#(accepted),"refused":\#(refused),"broken":0,"dialFailures":0,"bytesUp":\#(bytes),"#
            + #""bytesDown":0,"ejectedEndpoints":\#(ejected),"held":0}}"#
    }

    static func json(
        _ ports: [String], pid: Int = 7, problems: Int = 0, accepted: Int = 0, phase: String = "serving"
    ) -> [UInt8] {
        let services = ports.enumerated().map { index, port in
            #"{"namespace":"shop","name":"s\#(index)","ports":[\#(port)],"notes":[]}"#
        }
        let list = (0..<problems).map {
            #"{"severity":"error","kind":"listener","subject":"Service shop/s\#($0)","text":"no \"port\""}"#
        }
        let text =
            #"{"schema":1,"command":"portico daemon","version":"1.2.3","node":"node2","mode":"userspace","pid":\#(pid),"#
            + #""time":"2026-12-01T00:00:00Z","totals":{"open":3,"accepted":\#(accepted),"refused":1,"broken":0,"dialFailures":0,"#
            + #""bytesUp":2048,"bytesDown":4096,"ejectedEndpoints":0},"phase":"\#(phase)","servedServices":\#(ports.count),"#
            + #""allServices":\#(ports.count),"rules":{"inForce":true,"none":false,"families":["IPv4","IPv6"]},"#
            + #""problemCount":\#(problems),"problems":[\#(list.joined(separator: ","))],"services":[\#(services.joined(separator: ","))]}"#
        return Array(text.utf8)
    }

    static func picture(_ ports: [String], pid: Int = 7, problems: Int = 0, accepted: Int = 0) throws -> StatusPicture {
        try StatusPicture(json: json(ports, pid: pid, problems: problems, accepted: accepted))
    }
}

@Suite("portico top: what is shown and how one moves in it") struct TopTests {
    private let start = ContinuousClock.now

    private func model(_ ports: [String]) throws -> TopModel {
        var model = TopModel()
        model.take(try StatusSample.picture(ports), at: start)
        return model
    }

    private func press(_ model: inout TopModel, _ text: String) {
        for key in TopKey.keys(in: Array(text.utf8)) { _ = model.take(key) }
    }

    private func names(_ model: TopModel) -> [String] { model.rows.map(\.name) }

    @Test("Whether all is well is a matter of errors, those beyond the ones that are listed too")
    func wellness() throws {
        func isWell(_ text: String) throws -> Bool {
            try StatusPicture(json: Array(text.utf8)).isWell
        }
        let well = String(decoding: StatusSample.json([]), as: UTF8.self)
        #expect(try isWell(well))
        #expect(try !isWell(well.replacing(#""problemCount":0"#, with: #""problemCount":1200,"errorCount":1"#)))
        #expect(try isWell(well.replacing(#""problemCount":0"#, with: #""problemCount":1200,"errorCount":0"#)))
        #expect(try !isWell(String(decoding: StatusSample.json([], problems: 1), as: UTF8.self)), "of an older process")
        #expect(try !isWell(String(decoding: StatusSample.json([], phase: "draining"), as: UTF8.self)))
    }

    private func lines(_ model: TopModel, columns: Int = 120, height: Int = 24) -> [String] {
        Frame(model, columns: columns, height: height, at: start).lines.map { $0.map(\.text).joined() }
    }

    @Test("Keys, also those that come as several bytes, and several at once")
    func keys() {
        let text = "j\u{1B}[A\u{1B}OB\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[4~\r\u{7F}ü\u{1B}[1;5C\u{01}q"
        #expect(
            TopKey.keys(in: Array(text.utf8)) == [
                .character("j"), .up, .down, .pageUp, .pageDown, .home, .end, .enter, .backspace, .character("ü"),
                .character("q"),
            ])
        #expect(TopKey.keys(in: [0x1B]) == [.escape] && TopKey.keys(in: [0x1B, 0x5B]).isEmpty)
    }

    @Test("Trouble first; other orders by a key, and back")
    func orders() throws {
        var model = try model([
            StatusSample.port("shop/b", open: 5), StatusSample.port("shop/a", open: 9),
            StatusSample.port("shop/d", ready: 0, ejected: 2), StatusSample.port("shop/c", ready: 1, ejected: 1),
            StatusSample.port("shop/e", ready: 0),
        ])
        #expect(names(model) == ["shop/d", "shop/c", "shop/e", "shop/a", "shop/b"])
        press(&model, "s")
        #expect(model.order == .name && names(model) == ["shop/a", "shop/b", "shop/c", "shop/d", "shop/e"])
        press(&model, "s")
        #expect(model.order == .connections && names(model).prefix(2) == ["shop/a", "shop/b"])
        press(&model, "SS")
        #expect(model.order == .trouble)
        press(&model, "S")
        #expect(model.order == .bytes)
    }

    @Test("Rates are of the time between two pictures, and a process that begins anew has none")
    func rates() throws {
        var model = try model([StatusSample.port("shop/a", accepted: 10, bytes: 1000, refused: 5)])
        #expect(model.rows[0].accepted == 0)
        let next = StatusSample.port("shop/a", accepted: 30, bytes: 5000, refused: 6)
        model.take(try StatusSample.picture([next], accepted: 40), at: start + .seconds(2))
        #expect(model.rows[0].accepted == 10 && model.rows[0].bytes == 2000 && model.rows[0].failures == 0.5)
        #expect(model.accepted == 20)
        model.take(
            try StatusSample.picture([StatusSample.port("shop/a", accepted: 1)], pid: 8), at: start + .seconds(3))
        #expect(model.rows[0].accepted == 0 && model.accepted == 0)
    }

    @Test("The mark moves within the rows, and stays with its row when that moves")
    func moving() throws {
        let ports = (0..<20).map { StatusSample.port("shop/\($0 < 10 ? "0" : "")\($0)") }
        var model = try model(ports)
        press(&model, "k")
        #expect(model.selected == 0)
        press(&model, "jjj")
        #expect(model.selected == 3)
        let first = StatusSample.port("shop/99", ready: 0, ejected: 1)
        model.take(try StatusSample.picture(ports + [first]), at: start + .seconds(1))
        #expect(model.rows[0].name == "shop/99" && model.selected == 4 && model.rows[4].name == "shop/03")
        press(&model, "G")
        #expect(model.selected == 20)
        press(&model, "jg")
        #expect(model.selected == 0)
        model.take(try StatusSample.picture([]), at: start + .seconds(2))
        #expect(model.selected == 0 && model.rows.isEmpty)
        press(&model, "j\r")
        #expect(model.opened == nil)
    }

    @Test("A filter by name, address or pod; Escape takes it back, and what is typed there is no command")
    func filtering() throws {
        var model = try model([
            StatusSample.port("shop/quick"), StatusSample.port("shop/other", address: "10.96.7.7:80"),
            StatusSample.port("bank/db", ready: 3),
        ])
        press(&model, "/q")
        #expect(model.isTyping && names(model) == ["shop/quick"])
        press(&model, "\u{7F}7.7")
        #expect(names(model) == ["shop/other"])
        press(&model, "\r")
        #expect(!model.isTyping && model.filter == "7.7")
        press(&model, "\u{1B}")
        #expect(model.rows.count == 3)
        press(&model, "/pod-2")
        #expect(names(model) == ["bank/db"])
        press(&model, "x\u{1B}")
        #expect(model.rows.count == 3 && !model.isTyping)
        #expect(model.take(.character("q")) == .quit)
    }

    @Test("A service port with its endpoints, kept up to date; Escape goes back")
    func opened() throws {
        var model = try model([StatusSample.port("shop/a", ready: 1, ejected: 1)])
        press(&model, "\r")
        var text = lines(model).joined(separator: "\n")
        #expect(text.contains("at 10.96.0.1:80\n") && text.contains("at 0.0.0.0:30080 (node port)"))
        #expect(text.contains("ejected  pod-1  10.1.0.1:80") && text.contains("ready    pod-0"))
        model.take(try StatusSample.picture([StatusSample.port("shop/a", ready: 0)]), at: start + .seconds(1))
        text = lines(model).joined(separator: "\n")
        #expect(text.contains("no endpoints"))
        press(&model, "\u{1B}")
        #expect(model.opened == nil)
    }

    @Test("It fits every terminal, and the bottom line says what keys do")
    func sizes() throws {
        let ports = (0..<100).map { StatusSample.port("shop/a-service-with-a-rather-long-name-\($0)", open: $0) }
        var model = try model(ports)
        for columns in [1, 20, 40, 80, 200] {
            for height in [1, 2, 5, 24, 60] {
                let lines = lines(model, columns: columns, height: height)
                #expect(lines.count <= height)
                #expect(lines.allSatisfy { $0.columns <= columns }, "\(columns) x \(height)")
            }
        }
        #expect(lines(model).last?.contains("q: quit") == true)
        // The row that is marked is always among those that are shown.
        press(&model, "GG")
        #expect(lines(model, height: 12).contains { $0.hasPrefix("▸ ") })
        press(&model, "?")
        #expect(lines(model).contains { $0.contains("Enter") })
    }

    @Test("A process that does not answer is said to be silent, and what was known stays")
    func silence() throws {
        var model = try model([StatusSample.port("shop/a")])
        model.take(try StatusSample.picture([StatusSample.port("shop/a")]), at: start - .seconds(3))
        // The first question without an answer has waited for one itself.
        model.fail("it does not answer", at: start - .seconds(1))
        model.fail("it does not answer", at: start)
        #expect(lines(model)[1].contains("no answer for 3 s, trying again: it does not answer"))
        #expect(lines(model).contains { $0.contains("shop/a") })
        model.take(try StatusSample.picture([]), at: start)
        #expect(!lines(model).joined().contains("no answer"))
    }

    @Test("What is no status is refused with a reason, and one of a later form too")
    func nonsense() {
        for text in ["", "[]", "{}", "{\"schema\":1}", "nonsense", "{\"schema\":\"1\"}"] {
            #expect(throws: CommandFailure.self, "\(text)") { try StatusPicture(json: Array(text.utf8)) }
        }
        let later = String(decoding: StatusSample.json([]), as: UTF8.self).replacing(
            "\"schema\":1", with: "\"schema\":2")
        for text in [later, "{\"schema\":2}"] {
            let failure = #expect(throws: CommandFailure.self) { try StatusPicture(json: Array(text.utf8)) }
            #expect("\(failure, default: "nothing")".contains("use the program of its version"))
        }
    }
}

@Suite("portico status: one look") struct StatusTextTests {
    @Test("What runs, what is wrong, and a line for each service port")
    func text() throws {
        let ports = [StatusSample.port("shop/a", ready: 1, ejected: 1, open: 2, accepted: 12, bytes: 2048)]
        let picture = try StatusSample.picture(ports, problems: 2)
        let text = StatusText(picture: picture, isDetailed: false).rendered(inColour: false)
        #expect(
            text.hasPrefix(
                "portico daemon 1.2.3 on node2 (process 7): serving, rules for IPv4 and IPv6 in force\n1 of 1 Service served,"
            ))
        #expect(text.contains("error    Service shop/s1  no \"port\"\n"))
        #expect(text.contains("shop/a   10.96.0.1:80, 0.0.0.0:30080 (node port)  1 of 2    2   12  2.00 KiB"))
        let detailed = StatusText(picture: picture, isDetailed: true).rendered(inColour: true)
        #expect(detailed.contains("pod-1") && detailed.contains("\u{1B}[31mejected\u{1B}[0m"))
    }
}

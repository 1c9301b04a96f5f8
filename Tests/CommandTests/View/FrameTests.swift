import Balancing
import Base
import Status
import Testing

@testable import portico

@Suite("A frame of the live view") struct FrameTests {
    private func id(_ service: String, _ port: String = "", namespace: String = "shop") -> ServicePortID {
        ServicePortID(ServicePortName(namespace: namespace, service: service, port: port), .tcp)
    }

    private func row(
        _ service: String, _ state: ServiceRow.State = .ok, namespace: String = "shop", open: Int = 0,
        accepted: UInt64 = 0, remark: String? = nil
    ) -> ServiceRow {
        ServiceRow(
            id: id(service, namespace: namespace), state: state, addresses: ["127.64.10.3:8080"], endpoints: 2,
            usable: state == .partly ? 1 : state == .failing ? 0 : 2, open: open, accepted: accepted, remark: remark)
    }

    private func model(_ rows: [ServiceRow]) -> ViewModel {
        var model = ViewModel(
            name: "portico dev", rows: rows, remarks: ["Ctrl-C ends.", "Changes of manifests are followed."])
        model.open = rows.reduce(0) { $0 + $1.open }
        model.accepted = rows.reduce(0) { $0 + $1.accepted }
        return model
    }

    private func text(_ model: ViewModel, columns: Int = 80, height: Int = 18) -> [String] {
        Frame(model, columns: columns, height: height).rendered(inColour: false).map(\.text)
    }

    @Test("It has who is served where, how it stands, and what to do")
    func whole() {
        var busy = row("cart", open: 1, accepted: 1310)
        busy.rate = 1300
        busy.addresses.append("localhost:10000")
        let rows = [busy, row("db", .failing, accepted: 2, remark: "12:03:11 db-0 10.0.0.7:5432: connection refused")]
        #expect(
            text(model(rows), columns: 100) == [
                "portico dev  2 ports served  1 connection now, 1312 in all",
                "STATE    SERVICE  ADDRESS                              PODS  NOW   ALL  RATE",
                "ok       cart     127.64.10.3:8080, localhost:10000       2    1  1310  1.27 KiB/s",
                "failing  db       127.64.10.3:8080                   0 of 2    0     2  -",
                "         12:03:11 db-0 10.0.0.7:5432: connection refused",
                "Ctrl-C ends. Changes of manifests are followed.",
            ])
    }

    @Test("What is wrong is said in words, coloured or not")
    func withoutColour() {
        let rows = [row("a"), row("b", .partly), row("c", .failing), row("d", .closed), row("e", .empty)]
        var model = model(rows)
        model.problems = 1
        let plain = text(model).joined(separator: "\n")
        for word in ["ok", "partly", "failing", "closed", "empty", "3 of 5 ports served", "1 problem"] {
            #expect(plain.contains(word), "\(word)")
        }
        let colours = Frame(model, columns: 80, height: 18).rendered(inColour: true).map(\.text).joined()
        #expect(colours.contains("\u{1B}[31mfailing\u{1B}[0m") && colours.contains("\u{1B}[32mok\u{1B}[0m"))
    }

    @Test("Namespaces are named where there are several")
    func namespaces() {
        #expect(!text(model([row("a"), row("b")])).joined().contains("shop/"))
        let several = text(model([row("a"), row("b", namespace: "other")])).joined()
        #expect(several.contains("shop/a") && several.contains("other/b"))
    }

    @Test(
        "No line is wider than the terminal, and no frame higher than it may be",
        arguments: [1, 2, 10, 20, 40, 60, 80, 200])
    func fits(columns: Int) {
        var long = row(
            String(repeating: "very-long-name-", count: 4), .partly, open: 123_456, accepted: 1 << 60,
            remark: String(repeating: "no ", count: 99))
        long.rate = 1 << 50
        long.addresses = ["127.64.255.254:65535 (for 80)", "localhost:10000", "192.168.100.100:30000"]
        let rows = [long, row("日本語のサービス"), row("c", .empty)]
        for height in 1...12 {
            let lines = Frame(model(rows), columns: columns, height: height).rendered(inColour: true)
            #expect(lines.count <= height)
            #expect(lines.allSatisfy { $0.columns <= columns })
        }
    }

    @Test("At 80 columns all that counts has room")
    func eighty() {
        var row = row("checkout-service", open: 12, accepted: 13_100)
        row.rate = 1_300_000
        row.addresses = ["127.64.110.113:8080", "localhost:10000"]
        let lines = text(model([row, self.row("cart")]))
        #expect(lines[1] == "STATE  SERVICE           ADDRESS                 PODS  NOW    ALL  RATE")
        #expect(lines[2] == "ok     checkout-service  127.64.110.113:8080 +1     2   12  13100  1.24 MiB/s")
    }

    @Test("Columns give way where there is no room, the state and the name never")
    func narrow() {
        let lines = text(model([row("checkout-service", open: 3)]), columns: 30)
        #expect(lines[1].hasPrefix("STATE  SERVICE") && lines[2].hasPrefix("ok     checkout-service"))
        let tiny = text(model([row("checkout-service", open: 3)]), columns: 18)
        #expect(tiny[2] == "ok     check…rvice")
    }

    @Test("Those with something to say come first where not all have room, and the others are counted")
    func tooMany() {
        var rows = (0..<1000).map { row("s\($0)", $0 % 10 == 0 ? .empty : .ok) }
        rows[500] = row("s500", .failing, remark: "12:03:11 10.0.0.7:5432: connection refused")
        rows[900] = row("s900", .closed)
        rows[777] = row("s777", open: 1, accepted: 5)
        rows[778] = row("s778", accepted: 5)
        let lines = text(model(rows), height: 12)
        #expect(lines.count == 12)
        let names = lines.dropFirst(2).map { $0.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
        #expect(names.prefix(5) == ["s500", "10.0.0.7:5432:", "s900", "s777", "s778"])
        #expect(lines[10] == "… and 993 more: 898 ok, 95 empty", "\(lines[10])")
        #expect(lines[0].contains("901 of 1000 ports served"), "\(lines[0])")
    }

    @Test("Control characters of others move no cursor")
    func control() {
        let lines = text(model([row("a", .failing, remark: "x\u{1B}[2Jy\nz")]))
        #expect(lines[3].hasSuffix("xy z"))
    }

    @Test("An end that has begun is told")
    func ending() {
        var model = model([row("a", open: 2)])
        model.phase = .draining
        #expect(text(model)[0] == "portico dev  1 port served  ending  2 connections now, 0 in all")
    }
}

@Suite("Columns of text") struct TextWidthTests {
    @Test(
        arguments: [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("한글", 4), ("😀", 2), ("✈\u{FE0F}", 2),
            ("a\u{200D}", 1),
            ("…→", 2),
        ] as [(String, Int)])
    func columns(text: String, columns: Int) {
        #expect(text.columns == columns)
    }

    @Test func whatIsTooLongLosesItsMiddleOrItsEnd() {
        #expect("checkout".fitted(to: 8) == "checkout")
        #expect("checkout".fitted(to: 7) == "che…out")
        #expect("checkout".clipped(to: 7) == "checko…")
        #expect("日本語".fitted(to: 4).columns <= 4)
        for limit in 0...3 {
            #expect("checkout".fitted(to: limit).columns == limit && "checkout".clipped(to: limit).columns == limit)
        }
    }
}

import TestSupport
import Testing

/// How people move in the page, and whether they can read it.
extension DashboardTests {
    private static let places = ["overview": "#/", "service": "#/service/shop/web", "events": "#/events"]

    @Test("A Service's page opens by keyboard, by click and by its address, and Esc comes back")
    func servicePage() async throws {
        try await DashboardLab.run { lab, browser in
            func expectPage(of service: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
                try await browser.waitFor(
                    "location.hash === '#/service/shop/\(service)' && document.querySelector('#v-service h1')?.innerText === 'shop/\(service)' && document.querySelector('#v-overview').hidden",
                    sourceLocation: sourceLocation)
            }
            func expectOverview(sourceLocation: SourceLocation = #_sourceLocation) async throws {
                try await browser.waitFor(
                    "location.hash.length <= 2 && document.querySelector('#v-service').hidden && document.querySelectorAll('#rows .row').length === 3",
                    sourceLocation: sourceLocation)
            }
            try await browser.press("jj" + Key.enter)
            try await expectPage(of: "api")
            try await browser.press(Key.escape)
            try await expectOverview()
            #expect(try await browser.value("document.querySelector('#rows .sel a').innerText") == "shop/api:http")
            try await browser.press(Key.down + Key.enter)
            try await expectPage(of: "web")
            try await browser.press(Key.escape)
            try await expectOverview()

            try await browser.click("#rows .row:nth-child(3) .c-state")
            try await expectPage(of: "web")
            let client = try await lab.client(of: "web")
            try await browser.waitFor("document.querySelectorAll('[aria-label=Endpoints] tbody tr').length === 2")
            let endpoints: String = try await browser.value(
                "document.querySelector('[aria-label=Endpoints]').innerText")
            for word in ["web-1", "web-2", "ready"] { #expect(endpoints.contains(word), "\(endpoints)") }
            try await browser.waitFor(
                "document.querySelector('[aria-label=\"Live connections\"]').innerText.includes('127.0.0.1:')")
            client.stop()
            try await browser.photograph("service")
            try await browser.click("#v-service > a")
            try await expectOverview()

            try await browser.open("about:blank")
            try await browser.open(lab.address + "#/service/shop/web")
            try await expectPage(of: "web")
            try await browser.press(Key.escape)
            try await expectOverview()
        }
    }

    @Test("Rows are found by name, pod and state, and sorted by what is clicked")
    func finding() async throws {
        try await DashboardLab.run { lab, browser in
            func expectRows(_ names: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
                let expected = names.map { "shop/\($0):http" }
                var rows: [String] = []
                let isSo = try await eventually(within: .seconds(30)) {
                    rows = try await lab.rows().map(\.service)
                    return rows == expected
                }
                #expect(isSo, "\(rows)", sourceLocation: sourceLocation)
            }
            try await browser.press("/web-2")
            try await expectRows(["web"])
            #expect(try await browser.value("document.getElementById('counted').innerText") == "1 of 3 service ports")
            try await browser.press(Key.enter)
            try await browser.waitFor("location.hash === '#/service/shop/web'")
            try await browser.press(Key.escape)
            try await browser.waitFor("!document.querySelector('#v-overview').hidden")
            try await browser.press(Key.escape)
            try await expectRows(["odd", "api", "web"])

            try await browser.click("#chips button:nth-child(2)")
            try await expectRows(["odd"])
            try await browser.click("#chips button:nth-child(2)")
            try await browser.click("#gridhead .c-svc button")
            try await expectRows(["api", "odd", "web"])
            try await browser.click("#gridhead .c-svc button")
            try await expectRows(["web", "odd", "api"])
            #expect(try await browser.value("document.querySelector('#gridhead .c-svc').ariaSort") == "descending")
        }
    }

    @Test("Keys: help, views, and colours that are remembered")
    func keys() async throws {
        try await DashboardLab.run { lab, browser in
            try await browser.press("?")
            try await browser.waitFor("document.getElementById('help').open")
            try await browser.photograph("help")
            try await browser.press(Key.escape)
            try await browser.waitFor("!document.getElementById('help').open")
            try await browser.press("e")
            try await browser.waitFor(
                "location.hash === '#/events' && document.querySelectorAll('#ev-list .ev').length > 0")
            try await browser.press("o")
            try await browser.waitFor("location.hash === '#/' && !document.getElementById('v-overview').hidden")

            for theme in ["light", "dark"] {
                try await browser.press("t")
                try await browser.waitFor("document.documentElement.dataset.theme === '\(theme)'")
            }
            try await browser.open("about:blank")
            try await browser.open(lab.address)
            try await browser.waitFor("document.documentElement.dataset.theme === 'dark'")
        }
    }

    @Test("Light and dark as the system has it, at once, and all of it legible")
    func colours() async throws {
        try await DashboardLab.run { lab, browser in
            try await lab.withClients(of: "web") {
                try await lab.kill(pod: "web-2")
                try await lab.waitFor("web") { $0.state == "partly" }
                try await browser.press("j")
                for scheme in ["dark", "light"] {
                    try await browser.prefer(scheme)
                    try await browser.waitFor("document.documentElement.dataset.theme === '\(scheme)'")
                    let background: String = try await browser.value("getComputedStyle(document.body).backgroundColor")
                    let brightness = background.split { !$0.isNumber }.compactMap { Int($0) }.reduce(0, +) / 3
                    #expect(scheme == "dark" ? brightness < 60 : brightness > 200, "\(background)")
                    for (view, place) in Self.places {
                        try await browser.open(lab.address + place)
                        try await browser.waitFor("!document.getElementById('v-\(view)').hidden")
                        let faint: [String] = try await browser.value(LegibleText.faint)
                        #expect(faint.isEmpty, "\(view), \(scheme)")
                        try await browser.photograph("\(view)-\(scheme)")
                    }
                }
            }
        }
    }

    @Test("Nothing is cut off in a narrow window or in a wide one")
    func widths() async throws {
        // A name as long as a name may be, and a port with one, which is of UDP.
        let name = String(repeating: "a-long-name-", count: 5) + "abc"
        let service = """
            apiVersion: v1
            kind: Service
            metadata: {name: \(name), namespace: shop}
            spec: {ports: [{name: a-long-port-name, port: 53, protocol: UDP}]}
            """
        let places = Self.places.sorted { $0.key < $1.key } + [("service", "#/service/shop/\(name)")]
        try await DashboardLab.run(manifests: service) { lab, browser in
            try await lab.withClients(of: "web") {
                try await lab.kill(pod: "web-2")
                try await lab.waitFor("web") { $0.state == "partly" && $0.fresh != "0" }
                try await browser.waitFor(
                    "[...document.querySelectorAll('.lab')].some(lab => lab.textContent.includes('peak'))")
                for width in [400, 760, 1000, 1200, 1300, 1600] {
                    try await browser.resize(width: width)
                    for (view, place) in places {
                        try await browser.open(lab.address + place)
                        try await browser.waitFor(
                            "!document.getElementById('v-\(view)').hidden && document.querySelector('#v-\(view) .panel')"
                        )
                        let cutOff: [String] = try await browser.value(LegibleText.cutOff)
                        #expect(cutOff.isEmpty, "\(place), \(width)")
                        let isInside: Bool = try await browser.value(
                            "document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                        #expect(isInside, "\(place), \(width): it has to be scrolled sideways")
                        try await browser.photograph("\(view)-\(width)")
                    }
                }
            }
        }
    }

    @Test("Pointing at a chart tells of that moment, in the room that there is")
    func pointing() async throws {
        try await DashboardLab.run { lab, browser in
            let label = "document.querySelector('#strip .tile:nth-child(2) .lab').innerText"
            try await lab.withClients(of: "web") {
                try await browser.waitFor("/^New connections\\/s\\s*peak [1-9]/.test(\(label))")
                for width in [1600, 400] {
                    try await browser.resize(width: width)
                    try await browser.click("#strip .tile:nth-child(2) .chart")
                    try await browser.waitFor("/^\\d\\d:\\d\\d:\\d\\d\\s*[\\d.–]/.test(\(label))")
                    #expect(try await browser.value(LegibleText.cutOff, as: [String].self) == [])
                    try await browser.click("#svc-title")
                    try await browser.waitFor("\(label).startsWith('New connections/s')")
                }
            }
        }
    }
}

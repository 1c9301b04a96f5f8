import APITestSupport
import TestSupport
import Testing

/// The page in a browser, fed by the program. Nothing here is about how long something takes: a busy machine has slow updates. That they
/// come each second is said in the page.
@Suite("The dashboard in a browser", .serialized, .browser, .requires(.browser), .timeLimit(.minutes(3)))
struct DashboardTests {
    @Test("Each service port is there with its state, trouble first, and traffic moves its numbers")
    func numbers() async throws {
        try await DashboardLab.run { lab, browser in
            let rows = try await lab.rows()
            #expect(rows.map(\.service) == ["shop/odd:http", "shop/api:http", "shop/web:http"])
            #expect(rows.map(\.state) == ["no endpoints", "ok", "ok"] && rows.map(\.usable) == ["0/0", "1/1", "2/2"])
            // A rate takes two answers.
            #expect(rows.allSatisfy { $0.open == "0" && ["0", "–"].contains($0.fresh) }, "\(rows)")
            #expect(try await browser.value("document.title", as: String.self).hasSuffix("Portico"))

            let client = try await lab.client(of: "api")
            try await lab.withClients(of: "web") {
                try await lab.waitFor("api") { $0.open == "1" }
                try await lab.waitFor("web") { $0.fresh != "0" && $0.fresh != "–" && $0.bytes != "0 B" }
                try await browser.waitFor(
                    "[...document.querySelectorAll('.tile')].some(t => /peak [1-9]/.test(t.innerText))")
            }
            client.stop()
            try await lab.waitFor("api") { $0.open == "0" }
            try await lab.waitFor("web") { $0.fresh == "0" && $0.bytes == "0 B" }
        }
    }

    /// Counts the answers of `/status`: the first that tells of trouble, and the last before the row does.
    private static let watch = """
        (() => {
            const seen = window.seen = { answers: 0, told: 0, shown: 0 }, { fetch } = window;
            window.fetch = async (...request) => {
                const answer = await fetch(...request);
                if (request[0] !== 'status') return answer;
                const text = await answer.clone().text();
                seen.answers++;
                if (!seen.told && /"state":"ejected"|"dialFailures":[1-9]/.test(text)) seen.told = seen.answers;
                return answer;
            };
            new MutationObserver(() => {
                const row = [...document.querySelectorAll('#rows .row')].find(row => row.innerText.includes('web'));
                if (!seen.shown && row.querySelector('.c-state').textContent === 'partly') seen.shown = seen.answers;
            }).observe(document.getElementById('rows'), { subtree: true, childList: true, characterData: true });
            return true;
        })()
        """

    @Test("The row of a pod that is killed changes with the next answer, and changes back when the pod is there again")
    func killed() async throws {
        try await DashboardLab.run { lab, browser in
            _ = try await browser.value(Self.watch, as: Bool.self)
            // What was asked before is not counted.
            try await browser.waitFor("seen.answers > 0")
            try await lab.withClients(of: "web") {
                try await lab.kill(pod: "web-2")
                try await lab.waitFor("web") { $0.state == "partly" && $0.usable == "1/2" && $0.why.contains("web-2") }
                struct Seen: Decodable { let answers, told, shown: Int }
                let seen: Seen = try await browser.value("window.seen")
                // Two updates are what two seconds are.
                #expect(seen.told > 0 && seen.shown - seen.told <= 1, "\(seen)")
                #expect(try await lab.rows().first?.service == "shop/web:http", "trouble comes first")
                try await browser.waitFor("document.title.startsWith('✕ 1 in trouble')")
                try await browser.photograph("killed")

                try await lab.kill(pod: "web-1")
                try await lab.waitFor("web") { $0.state == "failing" && $0.usable == "0/2" }
                try lab.revive(pod: "web-1")
                try lab.revive(pod: "web-2")
                try await lab.waitFor("web") { $0.usable == "2/2" }
            }
            try await lab.waitFor("web") { $0.state == "ok" && $0.why.isEmpty }
            try await browser.press("e")
            try await browser.waitFor(
                "['ejected', 'readmitted'].every(kind => document.getElementById('ev-list').innerText.includes(kind))")
            try await browser.photograph("events")
        }
    }

    @Test("While the program is away the page says so, and goes on when it is back")
    func away() async throws {
        // The browser itself complains of each request that nobody answers.
        try await DashboardLab.run(expecting: "Failed to load resource: net::ERR_") { lab, browser in
            try await browser.waitFor("document.getElementById('link').innerText.startsWith('answering since')")
            let before: String = try await browser.value("document.getElementById('facts').innerText")
            try await lab.end()
            try await browser.waitFor("document.getElementById('link').innerText.startsWith('not answering since')")
            #expect(try await browser.value("document.title", as: String.self).contains("not answering"))
            #expect(try await lab.rows().count == 3, "what was last known is still there")
            try await browser.photograph("away")

            try await lab.begin()
            try await browser.waitFor("document.getElementById('link').innerText.startsWith('answering since')")
            try await browser.waitFor("!document.title.includes('not answering')")
            let after: String = try await browser.value("document.getElementById('facts').innerText")
            #expect(before != after, "it is another process")
            let client = try await lab.client(of: "api")
            try await lab.waitFor("api") { $0.open == "1" }
            client.stop()
            try await browser.press("e")
            try await browser.waitFor("document.getElementById('ev-list').innerText.includes('gave way to')")
        }
    }

    @Test("What others have written is shown as text")
    func markup() async throws {
        try await DashboardLab.run { lab, browser in
            try await browser.open(lab.address + "#/service/shop/odd")
            try await browser.waitFor("document.querySelector('.notes')?.innerText.includes('<img src=x onerror=')")
            for name in [DashboardLab.trap, "%3Cimg%20src=x%20onerror=window.isTrapped=true%3E"] {
                try await browser.open(lab.address + "#/service/shop/" + name)
                try await browser.waitFor(
                    "document.querySelector('h1[tabindex]:not(.away)').innerText.includes('<img')")
            }
            try await browser.open(lab.address + "#/")
            try await browser.click("#filter")
            try await browser.press(DashboardLab.trap)
            try await browser.waitFor("document.querySelector('#nothing').innerText.includes('Nothing matches')")
            #expect(try await browser.value("window.isTrapped === undefined && !document.querySelector('img')"))
        }
    }

    @Test("Five thousand service ports: those in sight are in the page, and all are found")
    func many() async throws {
        let ports = (0..<50).map { "{name: p\($0), port: \(8000 + $0)}" }.joined(separator: ", ")
        let services = (0..<100).map { number in
            """
            apiVersion: v1
            kind: Service
            metadata: {name: s\(number), namespace: many}
            spec: {ports: [\(ports)]}
            """
        }
        try await DashboardLab.run(manifests: services.joined(separator: "\n---\n")) { lab, browser in
            try await browser.waitFor("document.getElementById('foot').innerText.startsWith('5,003 service ports')")
            #expect(try await lab.rows().count < 100)
            let client = try await lab.client(of: "api")
            try await browser.click("#gridhead .c-open button")
            try await lab.waitFor("api") { $0.open == "1" }
            #expect(try await lab.rows().first?.service == "shop/api:http")
            client.stop()

            try await browser.press("j" + Key.end)
            try await browser.waitFor("document.querySelector('#rows .sel')?.getAttribute('aria-rowindex') === '5004'")
            try await browser.press("/s77:p49")
            try await browser.waitFor("document.getElementById('counted').innerText === '1 of 5,003 service ports'")
            #expect(try await lab.rows().map(\.service) == ["many/s77:p49"])
            try await browser.photograph("many")
        }
    }
}

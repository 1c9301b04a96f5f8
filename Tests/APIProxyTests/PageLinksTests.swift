import APITestSupport
import NIOCore
import TestSupport
import Testing

@testable import APIProxy

@Suite("Links of pages")
struct PageLinksTests {
    private let location = ServiceLocation(prefix: "/p", hosts: ["10.1.2.3:80", "localhost:8001"])

    private func rewritten(_ page: String, inPiecesOf size: Int = .max) -> String {
        var links = PageLinks(location)
        var output: [UInt8] = []
        var rest = Array(page.utf8)[...]
        while !rest.isEmpty {
            output += links.rewritten(ByteBuffer(bytes: rest.prefix(size))).readableBytesView
            rest = rest.dropFirst(size)
        }
        output += links.end().readableBytesView
        return String(decoding: output, as: UTF8.self)
    }

    private static let cases: [(page: String, wanted: String)] = [
        (#"<a href="/x?y#z">/x</a>"#, #"<a href="/p/x?y#z">/x</a>"#),
        (#"<A  CLASS=a HREF = '/x' >"#, #"<A  CLASS=a HREF = '/p/x' >"#),
        ("<img src=/x.png><img src=/y/>", "<img src=/p/x.png><img src=/p/y/>"),
        (
            #"<img alt=">" src="/x" usemap="/m" longdesc="/l"/>"#,
            #"<img alt=">" src="/p/x" usemap="/p/m" longdesc="/p/l"/>"#
        ),
        (#"<a href="http://10.1.2.3:80/x"><a href="//localhost:8001">"#, #"<a href="/p/x"><a href="/p/">"#),
        // What is relative, leads elsewhere, has been led back, or is no address.
        (##"<a href="x"><a href="https://example.com/x"><a href="#x"><a href="/p/x"><a title="/x">"##, ""),
        (
            #"<link rel=stylesheet href="/x.css"><form action="/f"><video poster="/v">"#,
            #"<link rel=stylesheet href="/p/x.css"><form action="/p/f"><video poster="/p/v">"#
        ),
        (#"<div href="/x"><my-a href="/x">a < b && c > d <3 </a href="/x">"#, ""),
        // Nothing within these is a tag.
        (#"<!-- <a href="/x"> --><a href="/x">"#, #"<!-- <a href="/x"> --><a href="/p/x">"#),
        (#"<!DOCTYPE html><?xml a?><html manifest="/m">"#, #"<!DOCTYPE html><?xml a?><html manifest="/p/m">"#),
        (
            #"<script src="/s.js">if (a<b) "<a href='/x'>" </scripture></script ><a href="/x">"#,
            #"<script src="/p/s.js">if (a<b) "<a href='/x'>" </scripture></script ><a href="/p/x">"#
        ),
        (
            #"<style>a { background: url(/x) }</STYLE><title><a href="/x"></title><a href="/x">"#,
            #"<style>a { background: url(/x) }</STYLE><title><a href="/x"></title><a href="/p/x">"#
        ),
        ("<textarea><a href=/x></textarea>", ""),
        // A quote within a value without quotes is one of its characters.
        (#"<a href=/s?q="x>one</a><a href="/y">"#, #"<a href=/p/s?q="x>one</a><a href="/p/y">"#),
        (
            #"<script>x = "</scripts><a href='/x'>"</script><a href=" /x">"#,
            #"<script>x = "</scripts><a href='/x'>"</script><a href=" /p/x">"#
        ),
        // Pages that end in the middle of something.
        (#"<a href="/x"#, ""), ("<", ""), ("<!-", ""), ("<!-- x --", ""), ("<script>x</scrip", ""), ("<a href=", ""),
        ("<a =/x><a href><a href=><a / / href=/x>", "<a =/x><a href><a href=><a / / href=/p/x>"),
        ("<a href=\"/ü\">ü</a>", "<a href=\"/p/ü\">ü</a>"),
    ]

    @Test("Those that lead to its own root get the prefix; all else stays, wherever the page is cut")
    func rewriting() {
        for (page, wanted) in Self.cases {
            let wanted = wanted.isEmpty ? page : wanted
            for size in [1, 2, 3, 5, 8, .max] { #expect(rewritten(page, inPiecesOf: size) == wanted, "cut at \(size)") }
        }
        let (all, wanted) = (
            Self.cases.prefix(15).map(\.page).joined(separator: " "),
            Self.cases.prefix(15).map { $0.wanted.isEmpty ? $0.page : $0.wanted }.joined(separator: " ")
        )
        for size in 1..<40 { #expect(rewritten(all, inPiecesOf: size) == wanted) }
    }

    @Test("What is no page costs no more than its length, and comes out as it was")
    func nonsense() {
        for unit in [
            "<a ", "<a href=\"", "<!--", "<script>", "<", "<a =\" ", "</",
            "\u{0}<a href='/x'>".replacing("/x", with: "x"),
        ] {
            let page = String(repeating: unit, count: (256 << 10) / unit.utf8.count)
            #expect(rewritten(page, inPiecesOf: 1000) == page, "\(unit)")
        }
        var links = PageLinks(location)
        let latin = Array("<a href='/".utf8) + [0xFC] + Array("'>".utf8)
        #expect(Array(links.rewritten(ByteBuffer(bytes: latin)).readableBytesView) == latin)
    }

    // MARK: - By the proxy

    private let path = "/services/plain/proxy/"

    private func rig(_ pod: ScriptedAPIServer, rewrites: Bool = true) async throws -> Rig {
        try await Rig(of: 1) {
            $0.services = FakeBackends(pods: [pod.port])
            $0.rewritesLinks = rewrites
        }
    }

    @Test("A page leads back to its Service, and a browser gets it unpacked; other answers are left alone")
    func pages() async throws {
        let pod = try await ScriptedAPIServer()
        let page = #"<html><a href="/x">x</a></html>"#
        let types = ["text/html", "Text/HTML; charset=utf-8", "text/plain", "application/xhtml+xml"]
        for (number, type) in types.enumerated() {
            let path = path + "\(number)"
            pod.on("GET", "/\(number)") { request, reply in
                let packs = request.headers.contains { $0.name.lowercased() == "accept-encoding" }
                let headers = [("Content-Type", type), ("Accept-Ranges", "bytes"), ("X-Packs", "\(packs)")]
                try await reply.head(200, headers, framing: .length(page.utf8.count))
                try await reply.write(page)
            }
            let isPage = type.lowercased().hasPrefix("text/html")
            let headers = [("Accept", "text/html,*/*"), ("Accept-Encoding", "gzip")]
            let answer = try await rig(pod).ask("GET", path, headers)
            #expect(answer.body == (isPage ? page.replacing("/x", with: "/services/plain/proxy/x") : page), "\(type)")
            #expect(answer.header("x-packs") == "false" && (answer.header("accept-ranges") == nil) == isPage)
            #expect(try await rig(pod, rewrites: false).ask("GET", path, headers).body == page)
        }
        pod.on("GET", "/br", .answer(200, page, headers: [("Content-Type", "text/html"), ("Content-Encoding", "br")]))
        #expect(try await rig(pod).ask("GET", path + "br").body == page)
        pod.on("HEAD", "/", .answer(200, "", headers: [("Content-Type", "text/html")]))
        #expect(try await rig(pod).ask("HEAD", path).status == 200)
    }
}

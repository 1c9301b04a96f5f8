import APITestSupport
import Objects
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Watches that are cut")
struct ChaosTests {
    @Test(
        "After 1,000 cuts the state is the server's, with no list that was not needed", arguments: [1, 2, 3],
        [true, false])
    func cuts(_ seed: UInt64, _ streams: Bool) throws {
        var (random, model) = (SeededRandom(seed), APIModel())
        model.streamsLists = streams
        for number in 0..<20 { model.put("s\(number)", port: 80) }
        var rig = Rig(mayStream: true, seed: seed)
        // Lists that did not come to their end have to be asked for again.
        var (cuts, cutLists) = (0, 0)

        while cuts < 1000 {
            let request = rig.ask()
            let isList = !request.isWatch || request["sendInitialEvents"] != nil
            let answer = model.answer(request)
            var body = Array(answer.body.utf8)
            rig.reflector.begin(status: answer.status, retryAfter: nil, at: rig.now)
            if answer.isOpen {
                for _ in 0..<Int.random(in: 0..<4, using: &random) {
                    let before = model.version
                    change(&model, &random)
                    body += Array(model.happened(after: before).utf8)
                }
            }
            // Where it is cut: anywhere, or not at all.
            let end =
                Int.random(in: 0...4, using: &random) == 0 ? body.count : Int.random(in: 0...body.count, using: &random)
            let isCut = end < body.count || answer.isOpen
            var goesOn = true
            var rest = body[..<end]
            while goesOn, !rest.isEmpty {
                let size = Int.random(in: 1...900, using: &random)
                goesOn = rig.reflector.receive(Array(rest.prefix(size)), at: rig.now)
                rest = rest.dropFirst(size)
                #expect(rig.reflector.cutter.held < 100_000)
            }
            if goesOn, isCut {
                cuts += 1
                if isList, rig.reflector.aim != .watch { cutLists += 1 }
                rig.reflector.fail(.broken("cut"), at: rig.now)
            } else if goesOn {
                rig.reflector.end(at: rig.now)
            }
            rig.take()
            if cuts % 50 == 0 { model.compact() }
            if cuts % 7 == 0 { change(&model, &random) }
        }
        finish(&rig, &model)

        #expect(rig.objects.values.compactMap(\.self).count == model.services.count)
        for (name, value) in model.services {
            let id = ObjectID(.service, ObjectKey(namespace: "default", name: name))
            guard let object = rig.objects[id], case .service(let service)? = object else {
                Issue.record("\(name) is missing")
                continue
            }
            #expect(service.spec.ports.first.map { Int($0.port) } == value.port, "\(name)")
        }
        #expect(rig.reflector.ledger.count == model.services.count)
        #expect(rig.reflector.ledger.problems.isEmpty)
        // The first one, one for each that had expired, and those that were cut themselves.
        #expect(
            model.lists <= 1 + model.expirations + cutLists,
            "\(model.lists) lists, \(model.expirations) expirations, \(cutLists) cut")
        #expect(model.expirations > 5)
    }

    private func change(_ model: inout APIModel, _ random: inout SeededRandom) {
        let name = "s\(Int.random(in: 0..<40, using: &random))"
        switch Int.random(in: 0..<5, using: &random) {
        case 0: model.delete(name)
        case 1: model.pass()
        default: model.put(name, port: Int.random(in: 1...65535, using: &random))
        }
    }

    /// Lets the reflector catch up, with nothing in its way.
    private func finish(_ rig: inout Rig, _ model: inout APIModel) {
        for _ in 0..<20 {
            let answer = model.answer(rig.ask())
            rig.answer(answer.status, answer.body.utf8, .none)
            if answer.isOpen, rig.reflector.version == "\(model.version)" { return }
            if !answer.isOpen { rig.more("".utf8, .declared) }
        }
        Issue.record("it never caught up")
    }

    @Test("A watch whose pieces end anywhere brings the same", arguments: [1, 2, 3, 5, 8, 13, 64, 1000])
    func boundaries(_ size: Int) throws {
        let recording = try RecordedAnswer.named("v1.36.0-openshift/services-watch.http")
        var whole = Rig()
        _ = whole.ask()
        whole.answer(listJSON([], version: 1).utf8)
        _ = whole.ask()
        var pieces = whole
        whole.answer(recording)
        pieces.answer(recording, piece: size)
        #expect(pieces.objects == whole.objects && pieces.reflector.version == whole.reflector.version)
    }
}

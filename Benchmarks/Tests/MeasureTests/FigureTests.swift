import Testing

@testable import Measure

@Suite("Figures")
struct FigureTests {
    @Test("The median of an odd and an even number of values")
    func median() throws {
        #expect(try #require(Figure([3, 1, 2])).median == 2)
        #expect(try #require(Figure([4, 1, 2, 3])).median == 2.5)
        #expect(Figure([]) == nil)
    }

    @Test("The spread is half the distance between the extremes, as a share of the median")
    func spread() throws {
        #expect(try #require(Figure([8, 10, 12])).spread == 0.2)
        #expect(try #require(Figure([0, 0])).spread == 0)
    }

    @Test("Ratios are formed inside a repetition: drift that hits both cancels out")
    func ratios() throws {
        var results = Results()
        for (direct, proxy) in [(100.0, 50.0), (10, 5), (1000, 500)] {
            results.record(Sample([.rate: direct]), scenario: "s", peer: Results.direct)
            results.record(Sample([.rate: proxy]), scenario: "s", peer: "p")
        }
        let ratio = try #require(results.ratio(.rate, "s", "p", to: Results.direct))
        #expect(ratio.median == 0.5)
        #expect(ratio.spread == 0)
    }

    @Test("A repetition one side lacks is left out on both")
    func missingSamples() throws {
        var results = Results()
        for (direct, proxy) in [(10.0, Double?.none), (10, 6), (10, 8)] {
            results.record(Sample([.rate: direct]), scenario: "s", peer: Results.direct)
            results.record(proxy.map { Sample([.rate: $0]) }, scenario: "s", peer: "p")
        }
        #expect(try #require(results.ratio(.rate, "s", "p", to: Results.direct)).median == 0.7)
        #expect(try #require(results.figure(.rate, "s", "p")).count == 2)
        #expect(results.ratio(.rate, "s", "nobody", to: Results.direct) == nil)
    }

    @Test("Two clean repetitions speak for all; one does not")
    func dirty() {
        var results = Results(maxOthers: 0.05)
        let shares = [0.5, 0.0, 0.5, 0.01]
        for (number, share) in shares.enumerated() {
            results.record(Sample([.rate: 100]), scenario: "s", peer: Results.direct)
            results.record(
                Sample([.rate: Double(number * 10)], othersShare: share), scenario: "s", peer: "p")
            if number == 1 {
                #expect(results.isDirty("s"))
                #expect(results.figure(.rate, "s", "p")?.median == 5)
            }
        }
        #expect(!results.isDirty("s"))
        #expect(results.figure(.rate, "s", "p")?.median == 20)
        #expect(results.ratio(.rate, "s", "p", to: Results.direct)?.median == 0.2)
    }

    @Test("Added latency is the difference inside a repetition")
    func added() {
        var results = Results()
        for (direct, proxy) in [(10.0, 25.0), (30, 50)] {
            results.record(Sample([.p50: direct]), scenario: "s", peer: Results.direct)
            results.record(Sample([.p50: proxy]), scenario: "s", peer: "p")
        }
        #expect(results.figure(.added, "s", "p")?.median == 17.5)
    }

    @Test("What a run measured beside a load counts as it is, with or without a direct participant")
    func addedBesideLoad() {
        var results = Results()
        results.record(Sample([.p50: 900, .added: 700]), scenario: "s", peer: "p")
        #expect(results.figure(.added, "s", "p")?.median == 700)
        results.record(Sample([.p50: 10]), scenario: "s", peer: Results.direct)
        #expect(results.figure(.added, "s", "p")?.median == 700)
    }
}

@Suite("Numbers as people read them")
struct FormatTests {
    @Test(arguments: [
        (0.0, "0"), (0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,235"), (-2.5, "-2.50"),
    ])
    func brief(value: Double, text: String) { #expect(Format.brief(value) == text) }

    @Test(arguments: [(9_999.0, "9,999"), (12_345, "12.3k"), (5.6e10, "56.0G")])
    func scaled(value: Double, text: String) { #expect(Format.scaled(value) == text) }

    @Test("Columns line up, sections don't widen them")
    func table() {
        var table = TextTable(header: ["what", "n"])
        table.add(["a", "100"])
        table.add(section: "a section longer than any column")
        table.add(["longer", "1"])
        #expect(
            table.text == """
                what      n
                ───────────
                a       100
                a section longer than any column
                longer    1
                """)
    }
}

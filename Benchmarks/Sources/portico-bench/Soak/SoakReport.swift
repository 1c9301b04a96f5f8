import Load
import Measure

/// What a soak has seen, and what is to be said about it.
struct SoakReport: Codable {
    struct Sample: Codable {
        var proxy: String
        /// Since the start of the run.
        var seconds: Double
        /// 0 for the first, and one more with each hot restart.
        var process: Int
        /// At the age at which processes are compared; true for one that is never replaced.
        var isLastOfProcess: Bool
        var descriptors: Int
        /// Resident, in bytes.
        var memory: Int
        var formerProcesses: Int
        /// Of the ping-pong since the last sample, in nanoseconds.
        var p50: UInt64?
        var p99: UInt64?

        var line: String {
            func column(_ text: String, _ width: Int) -> String {
                String(repeating: " ", count: max(0, width - text.count)) + text
            }
            let delays = [p50, p99].map { $0.map { Format.fixed(Double($0) / 1e6, 2) } ?? "–" }
            return column(Format.fixed(seconds, 0), 6) + " s  " + column(proxy, 6) + column("\(process)", 4)
                + column("\(descriptors)", 6) + " descriptors" + column(Format.fixed(Double(memory) / 1e6, 1), 8)
                + " MB"
                + column(delays[0], 8) + " ms p50" + column(delays[1], 8) + " ms p99  \(formerProcesses) former  "
        }
    }

    struct Loss: Codable {
        var proxy: String
        var kind: SoakTraffic.Kind
        var done, lost, excused: Int
        var first: String?
    }

    let minutes: Double
    let restartSeconds: Int
    var samples: [Sample] = []
    var losses: [Loss] = []
    var trends: [SoakTrend] = []
    var isGood = false

    init(minutes: Double, restartSeconds: Int) {
        (self.minutes, self.restartSeconds) = (minutes, restartSeconds)
    }

    mutating func add(_ result: [SoakTraffic.Kind: SoakTraffic.Tally], of proxy: String) {
        losses += SoakTraffic.Kind.allCases.map { kind in
            let tally = result[kind] ?? SoakTraffic.Tally()
            return Loss(
                proxy: proxy, kind: kind, done: tally.done, lost: tally.lost, excused: tally.excused, first: tally.first
            )
        }
    }

    mutating func judge() {
        trends = ["dev", "daemon"].flatMap { proxy -> [SoakTrend] in
            func trend(_ name: String, _ value: (Sample) -> Double?) -> SoakTrend? {
                let values = samples.filter { $0.proxy == proxy }.compactMap { sample in
                    value(sample).map { (time: sample.seconds / (minutes * 60), value: $0) }
                }
                return SoakTrend("\(proxy): \(name)", values, minutes: minutes)
            }
            return [
                trend("descriptors") { $0.isLastOfProcess ? Double($0.descriptors) : nil },
                trend("memory, MB") { $0.isLastOfProcess ? Double($0.memory) / 1e6 : nil },
                trend("ping-pong p99, ms") { $0.p99.map { Double($0) / 1e6 } },
            ].compactMap { $0 }
        }
        isGood = trends.allSatisfy { $0.verdict != .grew } && losses.allSatisfy { $0.lost == 0 && $0.done > 0 }
    }

    var text: String {
        var growth = TextTable(header: ["what", "early", "late", "growth", "noise", "allowed", ""], left: [0, 6])
        func percent(_ share: Double) -> String { Format.fixed(share * 100, 1) + " %" }
        for trend in trends {
            growth.add([
                trend.name, Format.brief(trend.early), Format.brief(trend.late), percent(trend.growth),
                "± " + percent(trend.noise), percent(trend.limit), trend.verdict.rawValue,
            ])
        }
        var clients = TextTable(header: ["clients", "done", "lost", "cut off by the endpoint", ""], left: [0, 4])
        for loss in losses {
            clients.add([
                "\(loss.proxy): \(loss.kind.rawValue)", "\(loss.done)", "\(loss.lost)",
                loss.kind == .dying ? "\(loss.excused)" : "", loss.first ?? "",
            ])
        }
        let restarts = samples.map(\.process).max() ?? 0
        let verdict = isGood ? "steady" : "NOT STEADY"
        return """
            \(growth.text)

            \(clients.text)

            \(verdict): \(Format.brief(minutes)) minutes, \(restarts) hot restarts, manifests changed every 3 s
            """
    }
}

// Takes guards out of the code, one at a time, and tells which no test misses. `make mutants` runs it.
//
// The lists in Tests/Mutants say what is changed, and which tests must fail then:
//
//     file Sources/Balancing/Balancer.swift     for what follows, as `tests` is
//     tests BalancingTests\.BalancingTests      as `swift test --filter` takes it
//     - !other.isPenalised(at: now)             an expression that stands in the file once
//     + true                                    another one in its place; nothing here removes a statement
//     same: why no test can tell                in place of tests: the program does the same with it
//
// All mutants are built at once, into a copy of the package: each expression becomes a choice by a number that comes from
// the environment. So there is one build, and a run of some tests for each mutant, which ends with the first that fails.
//
//     mutants.swift [--check] [LIST[:LINE] …]   only these, as planner or planner:12; with --check only whether they fit the code
import Foundation

struct Mutant {
    /// Its list, without the ending, and the line where it stands there.
    var list: String
    var line: Int
    var file: String
    var tests: String
    var original: String
    var mutated: String
    /// Why it makes no difference; nil if tests have to notice.
    var reason: String?
    /// In bytes of its file.
    var range: Range<Int> = 0..<0

    var place: String { "\(list):\(line)" }
    var module: String { String(file.split(separator: "/")[1]) }

    /// What chooses it. It follows from what it is, so that others in its list do not have its file built again.
    var number: UInt32 {
        "\(file)\n\(original)\n\(mutated)".utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("portico: \(message)\n".utf8))
    exit(1)
}

func read(_ path: String) -> String {
    guard let data = FileManager.default.contents(atPath: path) else { fail("cannot read \(path)") }
    return String(decoding: data, as: UTF8.self)
}

// MARK: - The lists

func mutants(in list: String) -> [Mutant] {
    var mutants: [Mutant] = []
    var (file, tests) = ("", "")
    for (index, line) in read("Tests/Mutants/\(list).txt").split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
    {
        func rest(_ count: Int) -> String { line.dropFirst(count).trimmingCharacters(in: .whitespaces) }
        if line.hasPrefix("file ") {
            file = rest(5)
        } else if line.hasPrefix("tests ") {
            tests = rest(6)
        } else if line.hasPrefix("- ") {
            mutants.append(
                Mutant(list: list, line: index + 1, file: file, tests: tests, original: rest(2), mutated: ""))
        } else if let last = mutants.indices.last, line.hasPrefix("+") {
            mutants[last].mutated = rest(1)
        } else if let last = mutants.indices.last, line.hasPrefix("same:") {
            mutants[last].reason = rest(5)
        } else if !line.isEmpty, !line.hasPrefix("#") {
            fail("\(list):\(index + 1): what is this? \(line)")
        }
    }
    return mutants
}

/// Finds each mutant's place in its file; it must be the only one.
func locate(_ mutant: inout Mutant) -> String? {
    let isStatement = mutant.original.prefixMatch(of: #/(case|for|guard|if|return|while|where) /#) != nil
    if isStatement, !mutant.mutated.isEmpty { return "\(mutant.place): a statement can only be removed" }
    let (text, wanted) = (FileManager.default.contents(atPath: mutant.file) ?? Data(), Data(mutant.original.utf8))
    guard let first = text.range(of: wanted) else {
        return "\(mutant.place): \(mutant.file) has no “\(mutant.original)”"
    }
    guard text.range(of: wanted, in: first.lowerBound + 1..<text.count) == nil else {
        return "\(mutant.place): \(mutant.file) has more than one “\(mutant.original)”"
    }
    mutant.range = first
    return nil
}

/// The targets that a filter names, each with its suites; none stands for all.
func targets(of filter: String) -> [(name: String, suites: [Substring])] {
    filter.matches(of: #/(\w+)\\\.(?:\(([\w|]+)\)|(\w+))?/#).map {
        (String($0.1), ($0.2 ?? $0.3 ?? "").split(separator: "|"))
    }
}

/// What a filter names and is not there: nothing else would tell, as long as it names something that is.
func missing(from filter: String) -> [String] {
    targets(of: filter).flatMap { target in
        let files = FileManager.default.enumerator(atPath: "Tests/\(target.name)")?.compactMap { $0 as? String } ?? []
        let text = files.filter { $0.hasSuffix(".swift") }
            .compactMap { FileManager.default.contents(atPath: "Tests/\(target.name)/\($0)") }.reduce(Data(), +)
        let suites = target.suites.filter { text.range(of: Data("struct \($0)".utf8)) == nil }
        return text.isEmpty ? [target.name] : suites.map { "\(target.name).\($0)" }
    }
}

// MARK: - The copy with all mutants in it

/// `range` of `text` with the choices of `mutants`. What stands within another's expression is chosen within it.
func render(_ text: [UInt8], _ range: Range<Int>, _ mutants: [Mutant]) -> String {
    var result = ""
    var position = range.lowerBound
    let inside = mutants.filter { range.lowerBound <= $0.range.lowerBound && $0.range.upperBound <= range.upperBound }
        .sorted { ($0.range.lowerBound, -$0.range.count) < ($1.range.lowerBound, -$1.range.count) }
    for outer in inside where outer.range.lowerBound >= position {
        result += String(decoding: text[position..<outer.range.lowerBound], as: UTF8.self)
        let equal = inside.filter { $0.range == outer.range }
        let within = mutants.filter { $0.range != outer.range }
        result += equal.reduce(render(text, outer.range, within)) { original, mutant in
            mutant.mutated.isEmpty
                ? "if !mutant(\(mutant.number)) { \(original) }"
                : "(mutant(\(mutant.number)) ? (\(mutant.mutated)) : (\(original)))"
        }
        position = outer.range.upperBound
    }
    return result + String(decoding: text[position..<range.upperBound], as: UTF8.self)
}

let choice = """
    internal import Glibc

    private let chosen = getenv("PORTICO_MUTANT").map { UInt32(truncatingIfNeeded: strtoul($0, nil, 10)) } ?? 0

    func mutant(_ number: UInt32) -> Bool { chosen == number }

    """

/// Leaves a file alone that is as it should be, so that the next build has less to do.
func write(_ text: Data, to path: String) {
    let files = FileManager.default
    guard files.contents(atPath: path) != text else { return }
    do {
        let folder = URL(filePath: path).deletingLastPathComponent()
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        try text.write(to: URL(filePath: path))
    } catch { fail("cannot write \(path): \(error)") }
}

func copyPackage(to folder: String, with mutants: [Mutant]) {
    let byFile = Dictionary(grouping: mutants, by: \.file)
    var expected: Set<String> = []
    let listed = output([
        "git", "ls-files", "--cached", "--others", "--exclude-standard", "Package.swift", "Sources", "Tests",
    ])
    for file in listed.split(separator: "\n").map(String.init) {
        guard let data = FileManager.default.contents(atPath: file) else { continue }
        expected.insert(file)
        let text = byFile[file].map { Data(render(Array(data), 0..<data.count, $0).utf8) }
        write(text ?? data, to: "\(folder)/\(file)")
    }
    for module in Set(mutants.map(\.module)) {
        expected.insert("Sources/\(module)/Mutant.swift")
        write(Data(choice.utf8), to: "\(folder)/Sources/\(module)/Mutant.swift")
    }
    // What has been deleted here must not live on there.
    for part in ["Sources", "Tests"] {
        let found = FileManager.default.enumerator(atPath: "\(folder)/\(part)")
        while let file = found?.nextObject() as? String {
            let path = "\(part)/\(file)"
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder)
            if !isFolder.boolValue, !expected.contains(path) {
                try? FileManager.default.removeItem(atPath: "\(folder)/\(path)")
            }
        }
    }
}

// MARK: - Running programs

func output(_ command: [String]) -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.standardOutput = pipe
    do { try process.run() } catch { fail("cannot run \(command[0]): \(error)") }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}

enum Outcome: String {
    case passed, failed, hung
}

/// Runs some tests, with a mutant or none. Whatever hangs is ended with all that it has started.
func test(_ filter: String, with mutant: Mutant?, limit: Int, log: String) -> (outcome: Outcome, seconds: Double) {
    FileManager.default.createFile(atPath: log, contents: nil)
    guard let file = FileHandle(forWritingAtPath: log) else { fail("cannot write \(log)") }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
        "timeout", "--kill-after=5", "\(limit)", "\(scratch)/build/debug/porticoPackageTests.xctest",
        "--testing-library", "swift-testing", "--no-parallel", "--filter", filter,
    ]
    let number = mutant.map { "\($0.number)" } ?? "0"
    process.environment = ProcessInfo.processInfo.environment.merging(["PORTICO_MUTANT": number]) { $1 }
    process.standardOutput = file
    process.standardError = file
    let start = Date()
    do { try process.run() } catch { fail("cannot run the tests: \(error)") }
    // One failure is enough.
    var hasFailed = false
    while process.isRunning, !hasFailed {
        Thread.sleep(forTimeInterval: 0.1)
        hasFailed = read(log).contains(" recorded an issue at ")
    }
    if hasFailed { process.terminate() }
    process.waitUntilExit()
    let status = process.terminationReason == .exit ? process.terminationStatus : -1
    let outcome: Outcome =
        hasFailed ? .failed : status == 0 ? .passed : status == 124 || status == 137 ? .hung : .failed
    return (outcome, Date().timeIntervalSince(start))
}

// MARK: - The run

let scratch = ".build-mutants"
var arguments = CommandLine.arguments.dropFirst()
let isCheck = arguments.first == "--check"
if isCheck { arguments.removeFirst() }

let lists = ((try? FileManager.default.contentsOfDirectory(atPath: "Tests/Mutants")) ?? []).sorted()
var all = lists.flatMap { mutants(in: $0.replacing(".txt", with: "")) }
var problems = all.indices.compactMap { locate(&all[$0]) }
for (filter, mutants) in Dictionary(grouping: all.filter { $0.reason == nil }, by: \.tests) {
    problems += missing(from: filter).map { "\(mutants[0].place): there is no \($0)" }
}
for (_, same) in Dictionary(grouping: all, by: \.number) where same.count > 1 {
    problems.append("\(same[1].place): it is the same as \(same[0].place)")
}
if !problems.isEmpty {
    fail(
        "the lists in Tests/Mutants do not fit the code, follow its changes:\n"
            + problems.sorted().joined(separator: "\n"))
}
for argument in arguments where !all.contains(where: { argument == $0.list || argument == $0.place }) {
    fail("\(argument): there is no such list, or no mutant in that line")
}
let chosen = arguments.isEmpty ? all : all.filter { arguments.contains($0.list) || arguments.contains($0.place) }
if isCheck {
    print("\(chosen.count) mutants fit the code")
    exit(0)
}

let filters = Set(chosen.filter { $0.reason == nil }.map(\.tests)).sorted()
copyPackage(to: "\(scratch)/package", with: all.filter { $0.reason == nil })
let swift = ProcessInfo.processInfo.environment["SWIFT"] ?? "swift"
let build = Process()
build.executableURL = URL(filePath: "/usr/bin/env")
build.arguments = [
    swift, "build", "--product", "porticoPackageTests", "--package-path", "\(scratch)/package", "--scratch-path",
    "\(scratch)/build",
]
// What these tests do not need is not built.
let needed = Set(filters.flatMap(targets).map(\.name)).sorted().joined(separator: ",")
build.environment = ProcessInfo.processInfo.environment.merging(["PORTICO_TESTS": needed]) { $1 }
do { try build.run() } catch { fail("cannot run \(swift): \(error)") }
build.waitUntilExit()
guard build.terminationStatus == 0 else {
    fail("the mutants cannot be built; each has to be an expression, or a whole statement that is removed")
}
try? FileManager.default.createDirectory(atPath: "\(scratch)/logs", withIntermediateDirectories: true)

// First without any: tests that fail by themselves prove nothing.
var usual: [String: Double] = [:]
for filter in filters {
    let log = "\(scratch)/logs/none.log"
    let (outcome, seconds) = test(filter, with: nil, limit: 600, log: log)
    let ran = read(log).contains(#/Test run with [1-9]/#)
    guard outcome == .passed, ran else {
        fail("\(filter): \(outcome == .passed ? "no such tests" : "\(outcome) without any mutant"), see \(log)")
    }
    usual[filter] = seconds
}

var counts: [String: Int] = [:]
for mutant in chosen {
    var (outcome, seconds) = ("equivalent", "")
    if mutant.reason == nil {
        let limit = 20 + 5 * Int(usual[mutant.tests] ?? 0)
        let log = "\(scratch)/logs/\(mutant.list)-\(mutant.line).log"
        let result = test(mutant.tests, with: mutant, limit: limit, log: log)
        outcome = result.outcome == .passed ? "SURVIVED" : "killed"
        seconds = String(format: "%.1f s", result.seconds) + (result.outcome == .hung ? ", hung" : "")
    }
    counts[outcome, default: 0] += 1
    func column(_ text: String, _ width: Int) -> String {
        text.padding(toLength: max(width, text.count + 1), withPad: " ", startingAt: 0)
    }
    let change = mutant.mutated.isEmpty ? "without \(mutant.original)" : "\(mutant.original) → \(mutant.mutated)"
    let file = mutant.file.split(separator: "/").dropFirst().joined(separator: "/")
    print(column(mutant.place, 14) + column(outcome, 12) + column(seconds, 14) + column(file, 42) + change)
    fflush(stdout)
}
let summary = counts.sorted { $0.key > $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
print("\(chosen.count) mutants: \(summary)")
if counts["SURVIVED"] != nil {
    fail(
        "give each survivor a test, or a line `same:` that says why it makes no difference; logs are in \(scratch)/logs"
    )
}

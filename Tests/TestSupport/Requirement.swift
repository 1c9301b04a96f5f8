internal import Glibc
public import Testing

/// Something a test needs of the machine that not every machine has.
///
///     @Test(.requires(.root, .tool("ip"))) func …
///
/// Where it is missing the test is skipped and its reason printed; with `PORTICO_NO_SKIP=1`, as in `.ci/run`, the test
/// fails instead, because a test that never runs proves nothing.
public struct Requirement: Sendable, CustomStringConvertible {
    public let description: String
    private let check: @Sendable () -> Bool

    public init(_ description: String, isMet check: @escaping @Sendable () -> Bool) {
        self.description = description
        self.check = check
    }

    public var isMet: Bool { check() }
}

extension Requirement {
    public static let root = Requirement("the rights of root") { geteuid() == 0 }

    /// A program on PATH, or in the folders of administration that an ordinary user's PATH may lack.
    public static func tool(_ name: String) -> Requirement {
        Requirement("the program \(name)") { findProgram(name) != nil }
    }

    /// To run something as another user: root with `setpriv`, or not being root in the first place.
    public static let ordinaryUser = Requirement("root and setpriv, or an ordinary user") {
        geteuid() != 0 || findProgram("setpriv") != nil
    }

    /// Network namespaces of its own, tried out rather than guessed: containers often forbid them even to root.
    public static let networkNamespaces = Requirement("the right to make network namespaces") {
        triedNetworkNamespace
    }

    public static let ipv6Loopback = Requirement("the address ::1") {
        (try? RefusingPort(on: "::1")) != nil
    }

    private static let triedNetworkNamespace: Bool = {
        guard let unshare = findProgram("unshare"), let answer = findProgram("true") else { return false }
        let result = try? runProgram(unshare, ["--net", answer], within: .seconds(10))
        return result?.status == 0
    }()
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only where all of `requirements` are met.
    public static func requires(
        _ requirements: Requirement..., sourceLocation: SourceLocation = #_sourceLocation
    ) -> ConditionTrait {
        let names = requirements.map(\.description).joined(separator: ", ")
        return .enabled("needs \(names)", sourceLocation: sourceLocation) {
            guard let missing = requirements.first(where: { !$0.isMet }) else { return true }
            // An error from the condition fails the test.
            if skippingIsForbidden { throw MissingRequirement(missing.description) }
            return false
        }
    }
}

/// A requirement that is not met where skipping is forbidden.
public struct MissingRequirement: Error, CustomStringConvertible {
    public let description: String

    init(_ requirement: String) { description = "missing: \(requirement) (PORTICO_NO_SKIP forbids skipping)" }
}

private var skippingIsForbidden: Bool {
    guard let value = getenv("PORTICO_NO_SKIP") else { return false }
    return !["", "0", "false"].contains(String(cString: value))
}

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

    /// Network namespaces of its own, as root or as this user, tried out rather than guessed: containers often forbid them even to
    /// root.
    public static let networkNamespaces = Requirement("the right to make network namespaces") {
        triedNetworkNamespace
    }

    public static let ipv6Loopback = Requirement("the address ::1") {
        (try? RefusingPort(on: "::1")) != nil
    }

    /// Mounts that only one program sees, as root or as this user, tried out too.
    public static let mountNamespaces = Requirement("the right to make mount namespaces") {
        tried(geteuid() == 0 ? ["--mount"] : ["--user", "--mount"])
    }

    /// To be the first process of such a namespace, as in a container.
    public static let processNamespaces = Requirement("the right to make process namespaces") {
        tried(["--pid", "--fork", "--mount-proc"])
    }

    /// The same as ``mountNamespaces`` for an ordinary user, which takes a user namespace.
    public static let userNamespaces = Requirement("user namespaces for ordinary users, and setpriv") {
        guard geteuid() == 0 else { return tried(["--user", "--mount"]) }
        guard let setpriv = findProgram("setpriv"), let unshare = findProgram("unshare") else { return false }
        return tried(["--user", "--mount"], by: [setpriv] + OrdinaryUser.switches + [unshare])
    }

    private static func tried(_ namespaces: [String], by program: [String]? = nil) -> Bool {
        guard let unshare = findProgram("unshare"), let answer = findProgram("true") else { return false }
        let line = (program ?? [unshare]) + namespaces + [answer]
        return (try? runProgram(line[0], Array(line.dropFirst()), within: .seconds(10)))?.status == 0
    }

    private static let triedNetworkNamespace: Bool = {
        tried(geteuid() == 0 ? ["--net"] : ["--user", "--map-root-user", "--net"])
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

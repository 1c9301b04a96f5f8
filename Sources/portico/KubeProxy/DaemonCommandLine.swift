import Base

/// The command line of `portico daemon`, made from what a unit file, a DaemonSet and a configuration file say, into
/// what its one parser takes.
///
/// A configuration file becomes arguments, so each thing has one parser, one check and one default, wherever it is set.
/// What is behind another wins: the fields of which kube-proxy lets a flag win stand in front of the command line, all
/// others behind it.
struct DaemonCommandLine {
    /// As a user gave them, without the program's and the subcommand's names.
    let arguments: [String]
    /// Of `--config`; nil if there is none.
    let file: String?

    init(_ arguments: [String]) {
        self.arguments = GoFlags.normalized(arguments, flags: Daemon.flags)
        file = Self.value(of: "config", in: self.arguments).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What the parser is to take, with `--config` as a flag like others.
    var plain: [String] { Self.setAside(arguments) }

    /// What the parser is to take, with what the file says.
    ///
    /// - Throws: ``ConfigurationMistakes`` if the file cannot be read or is wrong.
    func settled() throws(ConfigurationMistakes) -> [String] {
        let names = Set(["help", "h", "cleanup", "version"])
        let isRead = !arguments.contains { argument in
            argument.hasPrefix("-") && names.contains(String(argument.drop { $0 == "-" }))
        }
        guard let file, isRead else { return plain }
        let configuration = try KubeProxyConfiguration(file: file)
        return settled(configuration)
    }

    private func settled(_ configuration: KubeProxyConfiguration) -> [String] {
        var (front, back, notes) = ([String](), [String](), configuration.notes)
        for value in configuration.values {
            // Which mode it is, on which the effect may depend, is known when all is there.
            guard value.setting.reasonForNothing(true) == nil, let flag = value.setting.flag else { continue }
            if value.setting.flagWins {
                front.append("--\(flag)=\(value.text)")
            } else {
                back.append("--\(flag)=\(value.text)")
                if Self.value(of: flag, in: arguments) != nil {
                    notes.append("--\(flag) is overruled by \(value.setting.field ?? "") in \(value.place)")
                }
            }
        }
        for value in configuration.values { if let kept = value.kept { back.append(kept) } }
        let (own, others) = Self.split(arguments)
        let all = GoFlags.normalized(front + own + back, flags: Daemon.flags)
        return Self.setAside(all) + notes.map { "--note=\($0)" } + others
    }

    /// `arguments` with each flag of kube-proxy's that does nothing here as a note that says so, where it asks for
    /// something.
    private static func setAside(_ arguments: [String]) -> [String] {
        let (own, others) = split(arguments)
        let isCarried = value(of: "proxy-mode", in: arguments) == KubeProxyOptions.Mode.iptables.rawValue
        var (result, index) = ([String](), 0)
        while index < own.count {
            let argument = own[index]
            index += 1
            guard let (name, value) = parts(of: argument), let setting = KubeProxySetting.of(flag: name),
                let reason = setting.reasonForNothing(isCarried)
            else {
                // Go takes it without a value, and it is no flag here, since it may be false.
                let hasWord = index < own.count && GoFlags.truth(own[index]) != nil
                let isBare = argument == "--iptables-localhost-nodeports" && !hasWord
                result.append(isBare ? "\(argument)=true" : argument)
                continue
            }
            var text = value ?? "true"
            if value == nil, setting.kind != .toggle {
                // For the parser to say what it says of others.
                guard index < own.count else { return result + ["--note"] }
                text = own[index]
                index += 1
            }
            result.append("--without-effect=\(name)=\(text)")
            if !setting.isStandard(text) { result.append("--note=--\(name) has no effect: \(reason)") }
        }
        return result + others
    }

    // MARK: Arguments

    /// What is ours, and what stands behind `--`.
    private static func split(_ arguments: [String]) -> (own: [String], others: [String]) {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return (Array(arguments[..<end]), Array(arguments[end...]))
    }

    /// The last value of a flag; the empty text if it stands without one.
    private static func value(of flag: String, in arguments: [String]) -> String? {
        let own = split(arguments).own
        guard let index = own.lastIndex(where: { parts(of: $0)?.name == flag }) else { return nil }
        if let value = parts(of: own[index])?.value { return value }
        return index + 1 < own.count && !own[index + 1].hasPrefix("-") ? own[index + 1] : ""
    }

    /// `--name=value` or `--name`.
    private static func parts(of argument: String) -> (name: String, value: String?)? {
        guard argument.hasPrefix("--") else { return nil }
        let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else { return nil }
        return (String(name), parts.count == 2 ? String(parts[1]) : nil)
    }
}

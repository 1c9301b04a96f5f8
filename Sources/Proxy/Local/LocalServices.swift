internal import Balancing
internal import Base
internal import Host
internal import Objects
internal import Resolution
internal import Status

/// Works out which service ports are served by processes of the user's choice, from what was asked for and what can be
/// seen. A value.
struct LocalServices: Sendable {
    private let targets: [ObjectKey: [LocalTarget]]
    let fallback: LocalFallback
    /// What the command behind `--` is called; empty for none.
    private let command: String
    var sight: LocalSight
    /// The command has been running for so long that it should listen by now.
    var commandIsLate = false
    /// What each target means, as far as its Service is there.
    private var chosen: [LocalTarget: [LocalPort]] = [:]
    /// The port of the command that was taken for a target because it was the only one. It stays that one's for as long
    /// as the command listens there: a debugger that comes later must not take the Service down.
    private var taken: [LocalTarget: UInt16] = [:]
    private var doors = DoorsByNumber()

    init(_ targets: [LocalTarget], fallback: LocalFallback, command: String, sight: LocalSight = LocalSight()) {
        self.targets = Dictionary(grouping: targets, by: \.key)
        self.fallback = fallback
        self.command = command
        self.sight = sight
    }

    var keys: Set<ObjectKey> { Set(targets.keys) }

    func targets(of key: ObjectKey) -> [LocalTarget] { targets[key] ?? [] }

    /// Processes that nobody reaches, for there is no such Service.
    func missing(among keys: some Sequence<ObjectKey>, _ exists: (ObjectKey) -> Bool) -> [Problem] {
        targets.filter { !exists($0.key) }.sorted { $0.key < $1.key }.flatMap { key, targets in
            let near = NearNames.of(key, among: keys).map(\.description).joined(separator: ", ")
            return targets.map { target in
                Problem(
                    .error, .object, subject: target.text,
                    "there is no Service \(key) (yet)" + (near.isEmpty ? "" : "; there is \(near)"))
            }
        }
    }

    /// A Service listens at these doors now.
    mutating func update(_ key: ObjectKey, _ ports: [PortStatus]) {
        if !targets.isEmpty { doors.update(key, ports) }
    }

    /// What people run into who have a process listen at all addresses: those of Services are among them.
    var warnings: [String] {
        targets.sorted { $0.key < $1.key }.flatMap(\.value).compactMap { target in
            let ports = chosen[target] ?? []
            let numbers: [DoorsByNumber.Number]
            let process: String
            switch target.place {
            case .port(let number, let host):
                guard host.isHere(sight) else { return nil }
                numbers = ports.map { DoorsByNumber.Number(transport: $0.id.transport, port: number) }
                process = "a process for \(target.text)"
            case .command:
                numbers = ports.flatMap { port in port.numbers.map { .init(transport: port.id.transport, port: $0) } }
                process = command
            }
            guard let (number, address, others) = numbers.lazy.compactMap({ doors.first(at: $0) }).first else {
                return nil
            }
            let more = others == 0 ? "" : " and \(others) more address\(others == 1 ? "" : "es")"
            return
                "Portico has port \(number) at \(address)\(more): \(process) can listen there at 127.0.0.1 or ::1, but not at "
                + "all addresses, where it is in use"
        }
    }

    /// What one Service comes to.
    struct Outcome: Equatable {
        var states: [ServicePortID: LocalState] = [:]
        /// What keeps somebody from being served as asked for, for as long as it lasts.
        var problems: [Problem] = []
        /// What cannot be done as it was asked for, whatever comes.
        var mistakes: [Problem] = []
    }

    /// - Parameters:
    ///   - ports: of the Service, which is there.
    ///   - hosts: the addresses that host names stand for.
    mutating func outcome(of key: ObjectKey, _ ports: [LocalPort], hosts: [String: [IPAddress]]) -> Outcome {
        var outcome = Outcome()
        for target in targets(of: key) {
            func say(_ text: String) -> Problem { Problem(.error, .object, subject: target.text, text) }
            chosen[target] = nil
            switch target.choose(among: ports) {
            case .failure(let mistake): outcome.mistakes.append(say(mistake.text))
            case .success(let meant):
                chosen[target] = meant
                let (states, problem) = states(of: target, meant, hosts)
                if let problem {
                    let isServed = states.values.contains { !$0.addresses.isEmpty }
                    outcome.problems.append(
                        Problem(isServed ? .warning : .error, .object, subject: target.text, problem))
                }
                for (id, state) in states {
                    if outcome.states.updateValue(state, forKey: id) != nil {
                        outcome.mistakes.append(say("the service port \(id) is given twice; the last one counts"))
                    }
                }
            }
        }
        return outcome
    }

    private mutating func states(
        of target: LocalTarget, _ ports: [LocalPort], _ hosts: [String: [IPAddress]]
    ) -> (states: [ServicePortID: LocalState], problem: String?) {
        switch target.place {
        case .command: return commandStates(of: target, ports)
        case .port(let number, let host):
            var problem: String?
            let states = ports.map { port in
                let candidates = Self.addresses(of: host, hosts).map { EndpointAddress(ip: $0, port: number) }
                let (here, elsewhere) = (
                    candidates.filter { sight.isHere($0.ip) }, candidates.filter { !sight.isHere($0.ip) }
                )
                // One is enough of what is only another way to the same process.
                let listening = here.first { isOthers($0, port.id.transport) }.map { [$0] } ?? []
                let addresses = elsewhere + listening
                if addresses.isEmpty, let own = here.first(where: { sight.owner(at: $0, port.id.transport) == .own }) {
                    problem = "\(own) is where Portico itself listens: choose another port"
                }
                let place = candidates.first.map { "\($0)" } ?? "an address of \(target.hostName ?? "the host")"
                return (port.id, state(addresses, else: place))
            }
            return (Dictionary(states) { first, _ in first }, problem)
        }
    }

    /// Nobody says where in advance. What has a number of the service port, which is mostly the target port, is meant
    /// for it; what is the only one is meant for the only one.
    private mutating func commandStates(
        of target: LocalTarget, _ ports: [LocalPort]
    ) -> (states: [ServicePortID: LocalState], problem: String?) {
        var states: [ServicePortID: LocalState] = [:]
        for port in ports {
            let listening = listening(port.id.transport)
            if let number = port.numbers.first(where: { listening[$0] != nil }), let address = listening[number] {
                states[port.id] = state([address], else: command)
            }
        }
        guard states.isEmpty else {
            taken[target] = nil
            return (states, nil)
        }
        let waiting = Dictionary(ports.map { ($0.id, state([], else: "a port of \(command)")) }) { first, _ in first }
        let listening = Dictionary(grouping: ports, by: \.id.transport).keys.reduce(into: [:]) { all, transport in
            all.merge(self.listening(transport)) { first, _ in first }
        }
        guard let first = listening.first else {
            taken[target] = nil
            return (waiting, commandIsLate ? "\(command) does not listen on any port so far" : nil)
        }
        let numbers = listening.keys.sorted().map(String.init).joined(separator: ", ")
        let unclear =
            "\(command) listens on \(listening.count == 1 ? "port" : "ports") \(numbers), and nothing says which is for \(ports.choices)"
        let former = taken[target].flatMap { listening[$0] }
        taken[target] = nil
        guard ports.count == 1, let address = former ?? (listening.count == 1 ? first.value : nil) else {
            return (waiting, "\(unclear): name it, as in \(target.example(ports[0], at: listening.keys.min() ?? 0))")
        }
        taken[target] = address.port
        let serving = [ports[0].id: state([address], else: command)]
        guard listening.count > 1 else { return (serving, nil) }
        return (
            serving,
            "\(unclear): \(address.port) is, since it was there first; if another one is meant name it, as in "
                + target.example(ports[0], at: listening.keys.filter { $0 != address.port }.min() ?? 0)
        )
    }

    /// Where the command listens, by port: at one of its addresses each.
    private func listening(_ transport: TransportProtocol) -> [UInt16: EndpointAddress] {
        let addresses = sight.listeners.filter { $0.owner == .command && $0.transport == transport }.map(\.address)
        return Dictionary(addresses.map { ($0.port, $0) }) { $0.ip < $1.ip ? $0 : $1 }
    }

    private func state(_ addresses: [EndpointAddress], else place: String) -> LocalState {
        addresses.isEmpty
            ? LocalState(waitingFor: place, fallback: fallback) : LocalState(addresses, fallback: fallback)
    }

    private func isOthers(_ address: EndpointAddress, _ transport: TransportProtocol) -> Bool {
        sight.owner(at: address, transport).map { $0 != .own } ?? false
    }

    private static func addresses(of host: StaticService.Host?, _ hosts: [String: [IPAddress]]) -> [IPAddress] {
        switch host {
        // Some programs listen at one of them only, and which one differs.
        case nil: [.loopback, .loopback6]
        case .address(let ip): [ip]
        case .name(let name): hosts[name] ?? []
        }
    }
}

extension StaticService.Host? {
    /// Whether it is this machine as far as can be seen at once.
    fileprivate func isHere(_ sight: LocalSight) -> Bool {
        switch self {
        case nil: true
        case .address(let ip)?: sight.isHere(ip)
        case .name?: false
        }
    }
}

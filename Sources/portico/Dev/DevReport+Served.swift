import Base
import Status

/// How much of what there is to serve somebody serves, as `portico dev` tells it.
extension ServedCount {
    /// `8 of 11 Services are served.`
    var sentence: String {
        all == 0 ? "There is no Service to serve." : "\(served) of \(all) Service\(all == 1 ? " is" : "s are") served."
    }

    /// `Ready.` means that something is.
    var readiness: String { served > 0 ? "Ready." : "Not ready: nothing is served yet." }

    /// What there is to say after a change; nil if people know it.
    func news(after before: ServedCount) -> String? {
        guard self != before else { return nil }
        if before.served == 0, served > 0 { return "\(sentence)\n\nReady." }
        return sentence
    }

    var fields: [(String, JSONValue)] { [("servedServices", .integer(served)), ("allServices", .integer(all))] }
}

extension PortStatus {
    /// Why nobody serves it, for programs; empty if somebody does.
    var absenceFields: [(String, JSONValue)] {
        endpoints.isEmpty ? absence.map { [("reason", .string($0))] } ?? [] : []
    }
}

extension LocalStatus {
    /// `local 127.0.0.1:3000`.
    var text: String { isServing ? "local \(place)" : "waits for \(place)" }
}

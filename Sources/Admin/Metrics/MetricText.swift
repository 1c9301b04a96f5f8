/// Metrics as text, family by family: Prometheus's format 0.0.4, or OpenMetrics 1.0 for those who ask for it.
///
///     text.family("portico_connections_accepted", .counter, "Clients accepted.") { family in
///         family.add(17, labels)
///     }
///
/// A counter's name comes without its `_total`, which is written where the format wants it.
public struct MetricText {
    public enum Format: Sendable {
        case prometheus, openMetrics

        /// - Parameter accept: the header of that name; OpenMetrics has to be named in it, and not be the second choice.
        public init(accept: String?) {
            let types = (accept ?? "").lowercased().split(separator: ",")
            func weight(_ name: String) -> Double {
                guard let type = types.first(where: { $0.contains(name) }) else { return 0 }
                guard let quality = type.split(separator: ";").last(where: { $0.contains("q=") }) else { return 1 }
                return Double(quality.drop { $0 != "=" }.dropFirst()) ?? 0
            }
            let open = weight("application/openmetrics-text")
            self = open > 0 && open >= weight("text/plain") ? .openMetrics : .prometheus
        }

        public var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    public enum Kind: String, Sendable { case counter, gauge, histogram }

    public let format: Format
    public private(set) var bytes: [UInt8] = []

    /// - Parameter size: of all of it, about, in bytes: so that it need not be moved as it grows.
    public init(_ format: Format, size: Int = 0) {
        self.format = format
        bytes.reserveCapacity(size)
    }

    /// One family: its head, and its samples from `samples`. Without any it is left out.
    public mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: (inout Family) -> Void) {
        let start = bytes.count
        let suffix = kind == .counter ? "_total" : ""
        let title = format == .prometheus ? name + suffix : name
        bytes += "# HELP \(title) \(Self.escaped(help))\n# TYPE \(title) \(kind.rawValue)\n".utf8
        let head = bytes.count
        var family = Family(name: Array((name + suffix).utf8), bytes: exchange(&bytes, with: []))
        samples(&family)
        bytes = family.bytes
        if bytes.count == head { bytes.removeLast(head - start) }
    }

    /// A family of one sample.
    public mutating func value(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        family(name, kind, help) { $0.add(value) }
    }

    public mutating func value(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        family(name, kind, help) { $0.add(value) }
    }

    /// Nothing may follow.
    public mutating func finish() {
        if format == .openMetrics { bytes += "# EOF\n".utf8 }
    }

    /// Samples of one name.
    public struct Family {
        fileprivate let name: [UInt8]
        fileprivate var bytes: [UInt8]

        /// - Parameter last: one label more.
        public mutating func add(
            _ value: some BinaryInteger, _ labels: MetricLabels = MetricLabels(), _ last: MetricLabel? = nil
        ) {
            begin(labels, last)
            end(String(value))
        }

        public mutating func add(_ value: Double, _ labels: MetricLabels = MetricLabels()) {
            begin(labels)
            end(MetricText.text(value))
        }

        /// - Parameters:
        ///   - counts: in each range, without the smaller ones; one more than there are bounds.
        ///   - bounds: the upper ends of the ranges, in seconds.
        ///   - sum: in seconds.
        public mutating func add(
            counts: [UInt64], bounds: [Double], sum: Double, _ labels: MetricLabels = MetricLabels()
        ) {
            var total: UInt64 = 0
            for (index, count) in counts.enumerated() {
                total += count
                let bound = index < bounds.count ? MetricText.text(bounds[index]) : "+Inf"
                begin(labels, MetricLabel("le", bound), "_bucket")
                end(String(total))
            }
            begin(labels, nil, "_sum")
            end(MetricText.text(sum))
            begin(labels, nil, "_count")
            end(String(total))
        }

        private mutating func begin(_ labels: MetricLabels, _ last: MetricLabel? = nil, _ suffix: StaticString = "") {
            bytes += name
            suffix.withUTF8Buffer { bytes += $0 }
            guard !labels.bytes.isEmpty || last != nil else { return }
            bytes.append(UInt8(ascii: "{"))
            bytes += labels.bytes
            if let last {
                if !labels.bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
                bytes += last.bytes
            }
            bytes.append(UInt8(ascii: "}"))
        }

        private mutating func end(_ value: String) {
            bytes.append(UInt8(ascii: " "))
            bytes += value.utf8
            bytes.append(UInt8(ascii: "\n"))
        }
    }

    fileprivate static func text(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        return "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }
}

/// Labels of a sample, written once for all that have them.
public struct MetricLabels: Sendable, Hashable {
    /// Without their braces.
    fileprivate let bytes: [UInt8]

    public init(_ pairs: KeyValuePairs<String, String> = [:]) {
        bytes = Array(pairs.map { MetricLabel.text($0.key, $0.value) }.joined(separator: ",").utf8)
    }
}

/// A label by itself, for samples that differ in it alone.
public struct MetricLabel: Sendable, Hashable {
    fileprivate let bytes: [UInt8]

    public init(_ name: String, _ value: String) { bytes = Array(Self.text(name, value).utf8) }

    fileprivate static func text(_ name: String, _ value: String) -> String {
        let isPlain = value.utf8.allSatisfy { $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "\"") && $0 != 0x0A }
        guard !isPlain else { return "\(name)=\"\(value)\"" }
        let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "\(name)=\"\(escaped)\""
    }
}

/// Puts another value in, and returns the one that was there.
private func exchange<Value>(_ place: inout Value, with value: Value) -> Value {
    defer { place = value }
    return place
}

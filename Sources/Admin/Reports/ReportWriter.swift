internal import Base

/// Makes answers that are as long as a cluster is large: one at a time, on a thread of its own that gives way to others.
/// Swift's own threads are as many as there are cores, and the rest of the control plane needs them meanwhile.
actor ReportWriter {
    private let executor = QueueExecutor(label: "portico.reports", givesWay: true)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private var ports = ServicePortMetrics()
    private var size = 0

    func metrics(_ subject: AdminSubject, _ format: MetricText.Format) -> [UInt8] {
        // With room for numbers that have grown since.
        let text = subject.metrics(format, &ports, size: size + size / 16)
        size = text.count
        return text
    }

    func status(_ subject: AdminSubject, service: String?) -> AdminAnswer {
        .json(StatusReport(subject, service: service).value)
    }
}

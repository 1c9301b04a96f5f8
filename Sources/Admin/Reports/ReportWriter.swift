internal import Base

/// Makes answers that are as long as a cluster is large: one at a time, on a thread of its own. Swift's own threads are as
/// many as there are cores, and the rest of the control plane needs them meanwhile.
actor ReportWriter {
    private let executor = QueueExecutor(label: "portico.reports")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func metrics(_ subject: AdminSubject, _ format: MetricText.Format) -> [UInt8] { subject.metrics(format) }

    func status(_ subject: AdminSubject, service: String?) -> AdminAnswer {
        .json(StatusReport(subject, service: service).value)
    }
}

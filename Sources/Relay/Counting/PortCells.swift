/// What one worker counts of one service port, see ``PortCounters``. Written by that worker alone, read by anybody.
struct PortCells: ~Copyable, Sendable {
    let accepted = Counter()
    let open = Level()
    let refused = Counter()
    let dialFailures = Counter()
    let broken = Counter()
    let bytesUp = Counter()
    let bytesDown = Counter()
    let datagramsUp = Counter()
    let datagramsDown = Counter()
    let dropped = Counter()
    let held = Level()
    let heldInAll = Counter()
    let holdTimeouts = Counter()
    let ejections = Counter()
    let readmissions = Counter()
    let acceptPauses = Counter()
}

extension PortCounters {
    mutating func add(_ cells: borrowing PortCells) {
        accepted += cells.accepted.value
        open += cells.open.value
        refused += cells.refused.value
        dialFailures += cells.dialFailures.value
        broken += cells.broken.value
        bytesUp += cells.bytesUp.value
        bytesDown += cells.bytesDown.value
        datagramsUp += cells.datagramsUp.value
        datagramsDown += cells.datagramsDown.value
        dropped += cells.dropped.value
        held += cells.held.value
        heldInAll += cells.heldInAll.value
        holdTimeouts += cells.holdTimeouts.value
        ejections += cells.ejections.value
        readmissions += cells.readmissions.value
        acceptPauses += cells.acceptPauses.value
    }
}

/// What one worker counts of everything together, see ``RelayCounters``. Written by that worker alone, read by anybody.
struct WorkerCells: ~Copyable, Sendable {
    let splicedBytes = Counter()
    let copiedBytes = Counter()
    let open = Level()
    let halfOpen = Level()
    let pipes = Level()
    let pipesLent = Level()
    let acceptPauses = Counter()
    let shed = Counter()
    let flowsEvicted = Counter()
    let endedByDrain = Level()
    let dials = TallyCells<DialResult>()
    let endings = TallyCells<ConnectionRecord.Outcome>()
    let drops = TallyCells<DropReason>()
    let connecting = DurationCells()
    let lasting = DurationCells()
}

extension RelayCounters {
    mutating func add(_ cells: borrowing WorkerCells) {
        splicedBytes += cells.splicedBytes.value
        copiedBytes += cells.copiedBytes.value
        open += cells.open.value
        halfOpen += cells.halfOpen.value
        pipes += cells.pipes.value
        pipesLent += cells.pipesLent.value
        acceptPauses += cells.acceptPauses.value
        shed += cells.shed.value
        flowsEvicted += cells.flowsEvicted.value
        endedByDrain += cells.endedByDrain.value
        dials.add(cells.dials)
        endings.add(cells.endings)
        drops.add(cells.drops)
        connecting.add(cells.connecting)
        lasting.add(cells.lasting)
    }
}

import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// The limit on open files (docs/behaviour.md, B7.1). Each in a process of its own, since limits are the process's.
@Suite(.timeLimit(.minutes(1))) struct ResourceLimitTests {
    @Test(.requires(.ordinaryUser)) func softLimitBecomesTheHardOne() async {
        await #expect(processExitsWith: .success) {
            #expect(setLimit(soft: 256, hard: 4_096))
            try OrdinaryUser.become()
            #expect(ResourceLimits.raiseDescriptorLimit() == 4_096)
            #expect(limit() == [4_096, 4_096])
        }
    }

    @Test func aLowHardLimitIsRaisedWhereThatIsPermitted() async {
        await #expect(processExitsWith: .success) {
            #expect(setLimit(soft: 256, hard: 4_096))
            // Not even root may, in a container without CAP_SYS_RESOURCE.
            let isPermitted = setLimit(soft: 256, hard: 4_097) && setLimit(soft: 256, hard: 4_096)
            let expected: rlim_t = isPermitted ? 64_000 : 4_096
            #expect(ResourceLimits.raiseDescriptorLimit() == Int(expected))
            #expect(limit() == [expected, expected])
        }
    }

    @Test func nothingIsEverLowered() async {
        await #expect(processExitsWith: .success) {
            // More than what is wanted, where that can be had.
            _ = setLimit(soft: 65_000, hard: 65_000)
            let before = limit()
            for _ in 0..<2 {
                #expect(ResourceLimits.raiseDescriptorLimit() >= Int(clamping: before[1]))
                #expect(limit()[0] >= before[1] && limit()[1] >= before[1])
            }
            if before[1] == 65_000 { #expect(limit() == before) }
        }
    }
}

private let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

private func setLimit(soft: rlim_t, hard: rlim_t) -> Bool {
    var limit = rlimit(rlim_cur: soft, rlim_max: hard)
    return setrlimit(kind, &limit) == 0
}

/// Soft and hard.
private func limit() -> [rlim_t] {
    var limit = rlimit()
    getrlimit(kind, &limit)
    return [limit.rlim_cur, limit.rlim_max]
}

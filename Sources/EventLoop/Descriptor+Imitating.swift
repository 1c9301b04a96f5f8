internal import Base
internal import CLinux
internal import Glibc

extension Descriptor {
    /// Binds a socket to the address of somebody else, so that whoever it talks to sees that one.
    ///
    /// That takes CAP_NET_ADMIN or CAP_NET_RAW. What is answered reaches the socket only if the machine's routes lead
    /// it here, which is a matter of policy routing and not of the socket's.
    ///
    /// - Parameter source: with port 0 for a port of the kernel's choice.
    borrowing func imitate(_ source: SocketAddress) throws(SystemError) {
        let isAllowed =
            source.isIPv6
            ? portico_set_option(raw, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1)
            : portico_set_option(raw, Int32(IPPROTO_IP), IP_TRANSPARENT, 1)
        try SystemError.check(isAllowed, "connect from", source.description)
        var kernel = source.kernel
        try SystemError.check(portico_bind(raw, &kernel), "connect from", source.description)
    }
}

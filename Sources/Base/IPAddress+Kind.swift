extension IPAddress {
    /// 169.254.0.0/16 and fe80::/10.
    public var isLinkLocal: Bool {
        family == .ipv4 ? low >> 16 == 0xA9FE : high >> 54 == 0xFE80 >> 6
    }

    /// 224.0.0.0/4 and ff00::/8.
    public var isMulticast: Bool {
        family == .ipv4 ? low >> 28 == 0xE : high >> 56 == 0xFF
    }

    /// An address that other machines can have: neither loopback nor link-local nor multicast.
    public var isGlobalUnicast: Bool {
        !isLoopback && !isLinkLocal && !isMulticast && !isUnspecified
    }

    /// What kind of address it is, if it is one that means this machine, its link or many machines, so that no Service
    /// and no endpoint of a cluster can have it; API servers refuse the like. Nil for all others.
    public var specialKind: String? {
        if isLoopback { return "a loopback address" }
        // Clouds hand out a machine's credentials at one of them, 169.254.169.254, to every program on it.
        if isLinkLocal { return "a link-local address" }
        if isMulticast { return "a multicast address" }
        // Linux takes 0.0.0.0 and :: for this machine; nobody has the rest of 0.0.0.0/8.
        if isUnspecified || (family == .ipv4 && low >> 24 == 0) { return "an unspecified address" }
        if family == .ipv4, low == 0xFFFF_FFFF { return "the broadcast address" }
        return nil
    }
}

extension IPAddress {
    /// `0.0.0.0`
    public static let anyIPv4 = IPAddress(v4: 0)
    /// `::`
    public static let anyIPv6 = IPAddress(v6High: 0, low: 0)
}

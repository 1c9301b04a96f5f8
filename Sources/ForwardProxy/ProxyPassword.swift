/// What clients have to know, where the proxy is not for everybody who reaches it.
public struct ProxyPassword: Hashable, Sendable {
    let user: [UInt8]
    let password: [UInt8]

    /// Reads `user:password`; a line feed at the end is none of it. Nil if a part is missing, or is longer than SOCKS
    /// can say: 255 bytes.
    public init?(_ text: some Collection<UInt8>) {
        var text = Array(text)
        if text.last == 0x0A { text.removeLast() }
        if text.last == 0x0D { text.removeLast() }
        guard let colon = text.firstIndex(of: 0x3A) else { return nil }
        user = Array(text[..<colon])
        password = Array(text[(colon + 1)...])
        let lengths = 1...255
        guard lengths.contains(user.count), lengths.contains(password.count), !text.contains(0x0A) else { return nil }
    }

    /// How long it takes says nothing of how much was right.
    func isMet(user: some Collection<UInt8>, password: some Collection<UInt8>) -> Bool {
        let isUser = Self.isEqual(self.user, Array(user))
        return Self.isEqual(self.password, Array(password)) && isUser
    }

    private static func isEqual(_ known: [UInt8], _ said: [UInt8]) -> Bool {
        var difference: UInt8 = known.count == said.count ? 0 : 1
        for (index, byte) in said.enumerated() { difference |= byte ^ known[index % known.count] }
        return difference == 0
    }
}

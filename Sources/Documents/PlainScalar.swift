/// What a YAML scalar without quotes means.
///
/// The rules are those of YAML 1.1 as Kubernetes' own tools apply them, so that a file means here what it means to
/// `kubectl apply`: `yes` is a truth value, `010` is eight, `1e3` is a number. `y` and `n` are left as text; they are
/// plausible names, and YAML libraries disagree about them.
enum PlainScalar {
    static func kind(of bytes: UnsafeBufferPointer<UInt8>) -> DocumentTree.Kind {
        guard let first = bytes.first else { return .null }
        switch first {
        case UInt8(ascii: "~"):
            return bytes.count == 1 ? .null : .text
        case UInt8(ascii: "n"), UInt8(ascii: "N"), UInt8(ascii: "t"), UInt8(ascii: "T"), UInt8(ascii: "f"),
            UInt8(ascii: "F"), UInt8(ascii: "y"), UInt8(ascii: "Y"), UInt8(ascii: "o"), UInt8(ascii: "O"):
            return bytes.count <= 5 ? word(String(decoding: bytes, as: UTF8.self)) : .text
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return number(bytes)
        default:
            return .text
        }
    }

    private static func word(_ text: String) -> DocumentTree.Kind {
        switch text {
        case "null", "Null", "NULL": .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": .yes
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": .no
        default: .text
        }
    }

    private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> DocumentTree.Kind {
        if integer(bytes[...]) != nil { return .integer }
        // The shape of a decimal number: digits with at most one point, then perhaps an exponent. An IP address has
        // more points, a version has a letter.
        var digits = 0
        var points = 0
        var index = bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") ? 1 : 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "_") where digits > 0: break
            case UInt8(ascii: "."): points += 1
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                return digits > 0 && points <= 1 && isExponent(bytes[(index + 1)...]) ? .decimal : .text
            default: return isSpecial(bytes) ? .decimal : .text
            }
            index += 1
        }
        return digits > 0 && points <= 1 ? .decimal : .text
    }

    private static func isExponent(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let digits = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isSpecial(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count <= 5 else { return false }
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        return [".inf", "+.inf", "-.inf", ".nan"].contains(text)
    }

    /// Reads `80`, `-1`, `1_000`, `0x1F`, `0b101`, `0o17` and `017`; nil for anything else and for what overflows.
    static func integer(_ bytes: some Collection<UInt8>) -> Int? {
        var rest = bytes[...]
        var negative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            negative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        var base = 10
        if rest.first == UInt8(ascii: "0"), rest.count > 1 {
            rest = rest.dropFirst()
            switch rest.first {
            case UInt8(ascii: "x"): (base, rest) = (16, rest.dropFirst())
            case UInt8(ascii: "b"): (base, rest) = (2, rest.dropFirst())
            case UInt8(ascii: "o"): (base, rest) = (8, rest.dropFirst())
            default: base = 8
            }
        }
        guard let first = rest.first, first != UInt8(ascii: "_") else { return nil }
        var value = 0
        for byte in rest where byte != UInt8(ascii: "_") {
            let digit: Int
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = Int(byte - UInt8(ascii: "a")) + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = Int(byte - UInt8(ascii: "A")) + 10
            default: return nil
            }
            guard digit < base else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: base)
            let (sum, carry) = product.addingReportingOverflow(negative ? -digit : digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

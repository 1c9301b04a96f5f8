import Testing

@testable import portico

@Suite("Amounts of data") struct BytesTests {
    @Test(
        "Three digits, rounded, and a unit",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1239, "1.21 KiB"), (10_234, "9.99 KiB"),
            (10_239, "10.0 KiB"), (35_379, "34.5 KiB"), (35_400, "34.6 KiB"), (102_394, "100 KiB"),
            (154_930, "151 KiB"), (1_047_552, "1023 KiB"), (1_048_570, "1.00 MiB"), (1_073_741_823, "1.00 GiB"),
            (1 << 50, "1.00 PiB"), (.max, "16.0 EiB"),
        ] as [(UInt64, String)])
    func text(_ count: UInt64, _ expected: String) {
        #expect(Bytes.text(count) == expected)
    }
}

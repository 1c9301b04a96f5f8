// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that whoever builds or packages Portico never builds its benchmarks.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "portico-benchmarks",
    products: [
        .executable(name: "portico-bench", targets: ["portico-bench"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .target(name: "CBench"),
        // Figures as values: scenarios, statistics, targets, tables and charts. No I/O.
        .target(name: "Measure", swiftSettings: settings),
        // The two roles beside the proxy: load generator and backend.
        .target(
            name: "Load",
            dependencies: ["CBench", .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: settings),
        .executableTarget(
            name: "portico-bench",
            dependencies: [
                "CBench", "Measure", "Load",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings),
        .testTarget(name: "MeasureTests", dependencies: ["Measure"], swiftSettings: settings),
        .testTarget(name: "LoadTests", dependencies: ["CBench", "Load", "Measure"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.2
import PackageDescription

// Upcoming features that make module boundaries explicit: an import is visible only where it is written,
// and a type that is passed as an existential says so.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The fuzz targets are tests that try their seeds, or, for `make fuzz` alone, a program around which LLVM's fuzzer stands.
let fuzzed: [Target.Dependency] = ["EventLoop", "HTTP", "Manifests", "Names", "Redirect", "Relay", "Services"]
let fuzzTargets: Target =
    if Context.environment["PORTICO_FUZZ"] != nil {
        .executableTarget(
            name: "portico-fuzz", dependencies: fuzzed, path: "Tests/FuzzTests", exclude: ["Seeds", "SeedTests.swift"],
            swiftSettings: settings)
    } else {
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, exclude: ["LibFuzzer.swift"], resources: [.copy("Seeds")],
            swiftSettings: settings)
    }

let package = Package(
    name: "portico",
    products: [
        .executable(name: "portico", targets: ["portico"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibuv", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .target(name: "CLinux"),
        .target(name: "EventLoop", dependencies: ["CLibuv", "CLinux"], swiftSettings: settings),
        .target(name: "Services", swiftSettings: settings),
        .target(name: "Relay", dependencies: ["EventLoop", "Services", "CLinux"], swiftSettings: settings),
        .target(
            name: "Manifests",
            dependencies: ["Services", "EventLoop", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings),
        .target(name: "Host", dependencies: ["Services", "EventLoop"], swiftSettings: settings),
        .target(
            name: "Proxy",
            dependencies: [
                "Services", "Relay", "Redirect", "Host", "EventLoop", "Manifests",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(name: "Redirect", dependencies: ["Services", "EventLoop"], swiftSettings: settings),
        .target(name: "Names", dependencies: ["Services", "EventLoop"], swiftSettings: settings),
        .target(name: "HTTP", dependencies: ["EventLoop"], swiftSettings: settings),
        .target(name: "DemoPods", dependencies: ["EventLoop", "HTTP"], swiftSettings: settings),
        .target(name: "Admin", dependencies: ["EventLoop", "Services", "HTTP", "Host"], swiftSettings: settings),
        .executableTarget(
            name: "portico",
            dependencies: [
                "Services", "EventLoop", "Relay", "Redirect", "Host", "Manifests", "Proxy", "Admin", "Names",
                "DemoPods",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(
            name: "TestSupport", dependencies: ["CTestSupport"], path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: settings),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "ServicesTests", dependencies: ["Services", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "RelayTests", dependencies: ["Relay", "EventLoop", "Services", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ManifestsTests", dependencies: ["Manifests", "Services", "TestSupport"],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "RedirectTests", dependencies: ["Redirect", "Manifests", "Services", "TestSupport"],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "ProxyTests",
            dependencies: [
                "Proxy", "Relay", "Redirect", "Host", "EventLoop", "Services", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .testTarget(
            name: "DemoPodsTests", dependencies: ["DemoPods", "EventLoop", "HTTP", "TestSupport"],
            swiftSettings: settings),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "EventLoop", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "AdminTests", dependencies: ["Admin", "HTTP", "EventLoop", "Services", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "HostTests", dependencies: ["Host", "EventLoop", "Services", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "NamesTests", dependencies: ["Names", "Services", "EventLoop", "TestSupport"], swiftSettings: settings
        ),
        .testTarget(
            name: "NodeTests", dependencies: ["portico", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "portico", "Names", "Proxy", "Relay", "Services", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        fuzzTargets,
    ],
    swiftLanguageModes: [.v6]
)

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
let fuzzed: [Target.Dependency] = [
    "Balancing", "Base", "Documents", "EventLoop", "ForwardProxy", "HTTP", "KubernetesAPI", "Manifests", "Names",
    "Objects", "Redirect", "Relay", "Resolution",
]
let isFuzzing = Context.environment["PORTICO_FUZZ"] != nil
let fuzzTargets: Target =
    if isFuzzing {
        .executableTarget(
            name: "portico-fuzz", dependencies: fuzzed, path: "Tests/FuzzTests", exclude: ["Seeds", "SeedTests.swift"],
            swiftSettings: settings)
    } else {
        .testTarget(
            name: "FuzzTests", dependencies: fuzzed, exclude: ["LibFuzzer.swift"], resources: [.copy("Seeds")],
            swiftSettings: settings)
    }

// Of the client of the API, `make fuzz` builds what reads bytes, which stands without the network and its libraries.
let kubernetesAPI: Target =
    if isFuzzing {
        .target(
            name: "KubernetesAPI", dependencies: ["Base", "Objects", "Cluster", "Documents"],
            sources: [
                "Client/APIRequest.swift", "Client/APIRequest+Target.swift", "Credentials/CredentialClock.swift",
                "Credentials/ExecCredential.swift", "Kubeconfig",
                "Watch/APIStatus.swift", "Watch/JSONCutter.swift", "Watch/JSONScan.swift", "Watch/WatchEvent.swift",
                "Watch/WatchedResource.swift", "Watch/WireObject.swift",
            ],
            swiftSettings: settings)
    } else {
        .target(
            name: "KubernetesAPI",
            dependencies: [
                "Base", "Objects", "Cluster", "Documents",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTPCompression", package: "swift-nio-extras"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
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
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        // Without its traits: they bring all of Foundation.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CLibuv", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),
        .target(name: "Base", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "EventLoop", dependencies: ["Base", "CLibuv", "CLinux"], swiftSettings: settings),
        .target(name: "Objects", dependencies: ["Base"], swiftSettings: settings),
        .target(name: "Balancing", dependencies: ["Base"], swiftSettings: settings),
        .target(name: "Cluster", dependencies: ["Base", "Objects"], swiftSettings: settings),
        .target(
            name: "Resolution", dependencies: ["Base", "Objects", "Balancing", "Cluster"], swiftSettings: settings),
        .target(name: "Status", dependencies: ["Base", "Objects", "Balancing"], swiftSettings: settings),
        .target(name: "Relay", dependencies: ["Base", "EventLoop", "Balancing"], swiftSettings: settings),
        .target(name: "Documents", dependencies: ["Base", "Objects", "CYaml"], swiftSettings: settings),
        .target(
            name: "Manifests",
            dependencies: ["Base", "EventLoop", "Objects", "Cluster", "Documents"],
            swiftSettings: settings),
        kubernetesAPI,
        .target(
            name: "Tunnels",
            dependencies: [
                "Base", "CZlib", "EventLoop", "KubernetesAPI", "Relay",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .target(
            name: "APIProxy",
            dependencies: [
                "Base", "EventLoop", "KubernetesAPI",
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(name: "Host", dependencies: ["Base", "EventLoop"], swiftSettings: settings),
        .target(
            name: "Redirect", dependencies: ["Base", "EventLoop", "Objects", "Balancing", "Resolution"],
            swiftSettings: settings),
        .target(
            name: "Proxy",
            dependencies: [
                "Base", "EventLoop", "Objects", "Balancing", "Cluster", "Resolution", "Status", "Relay", "Redirect",
                "Host",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "Names", dependencies: ["Base", "EventLoop", "Objects", "Resolution"], swiftSettings: settings),
        .target(name: "HTTP", dependencies: ["Base", "EventLoop"], swiftSettings: settings),
        .target(
            name: "ForwardProxy", dependencies: ["Base", "EventLoop", "Objects", "Balancing"], swiftSettings: settings),
        .target(name: "DemoPods", dependencies: ["Base", "EventLoop", "HTTP"], swiftSettings: settings),
        .target(
            name: "Admin",
            dependencies: [
                "Base", "EventLoop", "Objects", "Balancing", "Status", "Relay", "KubernetesAPI", "HTTP", "Host",
                "Resolution",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            resources: [.embedInCode("Dashboard/dashboard.html")], swiftSettings: settings),
        .executableTarget(
            name: "portico",
            dependencies: [
                "Base", "EventLoop", "Objects", "Documents", "Balancing", "Cluster", "Resolution", "Status", "Relay",
                "Redirect",
                "Host", "Manifests", "KubernetesAPI", "Tunnels", "Proxy", "Admin", "Names", "HTTP", "ForwardProxy",
                "DemoPods", "APIProxy",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(
            name: "TestSupport",
            dependencies: [
                "CTestSupport", "Base", "Objects", "Balancing", "Cluster", "Resolution", "Redirect",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/TestSupport", swiftSettings: settings),
        .target(
            name: "APITestSupport",
            dependencies: [
                "TestSupport", "Tunnels",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
            ],
            path: "Tests/APITestSupport", swiftSettings: settings),
        .testTarget(
            name: "TestSupportTests", dependencies: ["Base", "Objects", "Balancing", "Redirect", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BaseTests", dependencies: ["Base", "EventLoop", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "EventLoopTests", dependencies: ["Base", "EventLoop", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ObjectsTests", dependencies: ["Base", "Objects", "Documents", "TestSupport"], swiftSettings: settings
        ),
        .testTarget(
            name: "ClusterTests", dependencies: ["Base", "Objects", "Cluster", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "BalancingTests", dependencies: ["Base", "Balancing", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ResolutionTests",
            dependencies: ["Base", "Objects", "Balancing", "Cluster", "Resolution", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "RelayTests", dependencies: ["Base", "EventLoop", "Balancing", "Relay", "TestSupport"],
            exclude: ["Handover/Recorded"], swiftSettings: settings),
        .testTarget(
            name: "ManifestsTests",
            dependencies: [
                "Base", "Objects", "Cluster", "Balancing", "Resolution", "Documents", "Manifests", "TestSupport",
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(name: "DocumentsTests", dependencies: ["Documents"], swiftSettings: settings),
        .testTarget(
            name: "KubernetesAPITests",
            dependencies: [
                "Base", "Objects", "Cluster", "KubernetesAPI", "TestSupport", "APITestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "TunnelsTests",
            dependencies: [
                "Base", "KubernetesAPI", "Relay", "Tunnels", "TestSupport", "APITestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "RedirectTests",
            dependencies: [
                "Base", "Objects", "Balancing", "Cluster", "Resolution", "Redirect", "Manifests", "TestSupport",
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "ProxyTests",
            dependencies: [
                "Base", "EventLoop", "Objects", "Balancing", "Cluster", "Resolution", "Status", "Proxy", "Relay",
                "Redirect",
                "Host",
                "TestSupport", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
        .testTarget(
            name: "DemoPodsTests", dependencies: ["Base", "EventLoop", "DemoPods", "HTTP", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "HTTPTests", dependencies: ["Base", "EventLoop", "HTTP", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ForwardProxyTests",
            dependencies: ["Base", "EventLoop", "Objects", "Balancing", "Relay", "ForwardProxy", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "StatusTests", dependencies: ["Base", "Objects", "Balancing", "Status", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "AdminTests",
            dependencies: [
                "Base", "EventLoop", "Objects", "Balancing", "Status", "Relay", "Admin", "HTTP", "Resolution",
                "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "APIProxyTests",
            dependencies: [
                "Base", "EventLoop", "KubernetesAPI", "APIProxy", "TestSupport", "APITestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            resources: [.copy("Fixtures")], swiftSettings: settings),
        .testTarget(
            name: "HostTests", dependencies: ["Base", "EventLoop", "Host", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "NamesTests",
            dependencies: ["Base", "EventLoop", "Objects", "Resolution", "Names", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "NodeTests", dependencies: ["portico", "Documents", "Host", "TestSupport", "APITestSupport"],
            exclude: ["KubeProxy", "Rendered", "container.sh"], swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "portico", "Base", "EventLoop", "Objects", "Documents", "Balancing", "Cluster", "Resolution", "Status",
                "Names", "ForwardProxy", "Proxy", "Redirect", "Relay", "Admin", "TestSupport", "APITestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Top/node1.jsonl"], swiftSettings: settings),
        fuzzTargets,
    ],
    swiftLanguageModes: [.v6]
)

// Without the other tests, and what only they need: for builds that would take long, as those of the sanitizers and of mutants.
if let tests = Context.environment["PORTICO_TESTS"]?.split(separator: ",").map(String.init) {
    package.targets.removeAll { $0.type == .test && !tests.contains($0.name) }
}

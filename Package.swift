// swift-tools-version: 6.2
import Foundation
import PackageDescription

// SVC_INDEX_CORE=1 leaves out everything that needs another package, so that the hash, the cache
// and the DHT core build and test in seconds.
let coreOnly = ProcessInfo.processInfo.environment["SVC_INDEX_CORE"] == "1"
// Warnings are errors in CI; while one is at work on the code they are only warnings.
let strict = ProcessInfo.processInfo.environment["SVC_INDEX_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

// A fuzzer has no main of its own, so an ordinary build must not see it: `make fuzz` sets this.
let fuzzing = ProcessInfo.processInfo.environment["SVC_INDEX_FUZZ"] == "1"

// BLAKE3's vector kernels: compiled for processors that only a check at run time may promise. Not
// in debug builds, where unoptimised helpers could be shared between modules.
func kernelSettings(_ instructions: String) -> [SwiftSetting] {
    #if arch(x86_64)
        settings + [.unsafeFlags(["-Xcc", instructions], .when(configuration: .release))]
    #else
        settings
    #endif
}

let coreTargets: [Target] = [
    .target(
        name: "BLAKE3AVX2",
        path: "Sources/BLAKE3/AVX2",
        swiftSettings: kernelSettings("-mavx2")
    ),
    .target(
        name: "BLAKE3AVX512",
        path: "Sources/BLAKE3/AVX512",
        swiftSettings: kernelSettings("-mavx512f")
    ),
    .target(
        name: "BLAKE3",
        dependencies: ["BLAKE3AVX2", "BLAKE3AVX512"],
        exclude: ["AVX2", "AVX512"],
        swiftSettings: settings
    ),
    .target(name: "Cache", exclude: ["Spill"], swiftSettings: settings),
    .target(name: "DHTCore", path: "Sources/DHTClient/Core", swiftSettings: settings),
    .target(name: "Randomness", path: "Tests/Randomness", swiftSettings: settings),
    .target(
        name: "DHTSimulator",
        dependencies: ["DHTCore", "Randomness"],
        path: "Tests/DHTSimulator",
        swiftSettings: settings
    ),
    .testTarget(
        name: "BLAKE3Tests",
        dependencies: ["BLAKE3", "Randomness"],
        swiftSettings: settings
    ),
    .testTarget(
        name: "CacheTests",
        dependencies: ["Cache", "Randomness"],
        swiftSettings: settings
    ),
    .testTarget(
        name: "DHTCoreTests",
        dependencies: ["DHTCore", "DHTSimulator", "Randomness"],
        swiftSettings: settings
    ),
    .testTarget(
        name: "SimulationTests",
        dependencies: ["DHTCore", "DHTSimulator", "Randomness"],
        swiftSettings: settings
    ),
    .testTarget(name: "TidyTests", swiftSettings: settings),
]

// Tools of developers: only where nothing else is built.
let coreTools: [Target] =
    [
        .executableTarget(
            name: "dht-simulate",
            dependencies: ["DHTCore", "DHTSimulator"],
            path: "Tests/Simulate",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "cache-probe",
            dependencies: ["Cache"],
            path: "Tests/CacheProbe",
            swiftSettings: settings
        ),
    ]
    + (fuzzing
        ? [
            .executableTarget(
                name: "fuzz-datagrams",
                dependencies: ["DHTCore", "Randomness"],
                path: "Tests/Fuzz",
                swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]
            )
        ] : [])

// What this file came to is remembered by its text and the environment. So the Makefile hands the
// commit in: the one that git has now may not be the one that is remembered.
let commit =
    [Context.environment["BUILD_COMMIT"], Context.gitInformation?.currentCommit]
    .compactMap { $0?.prefix(12) }.first { !$0.isEmpty } ?? "unknown"

let serviceTargets: [Target] = [
    .target(
        name: "CBuildInfo",
        cSettings: [.define("SVC_INDEX_COMMIT", to: "\"\(commit)\"")]
    ),
    .target(
        name: "DHTClient",
        dependencies: [
            "DHTCore",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Sources/DHTClient/Driver",
        swiftSettings: settings
    ),
    .target(name: "Waiting", swiftSettings: settings),
    .target(
        name: "Spill",
        dependencies: [
            "Waiting",
            .product(name: "GRDB", package: "GRDB.swift"),
            .product(name: "GRDBSQLite", package: "GRDB.swift"),
        ],
        path: "Sources/Cache/Spill",
        swiftSettings: settings
    ),
    .testTarget(
        name: "SpillTests",
        dependencies: [
            "Spill", "Randomness", "Waiting", .product(name: "GRDB", package: "GRDB.swift"),
        ],
        swiftSettings: settings
    ),
    .target(
        name: "Hostility",
        dependencies: [
            "DHTClient", "DHTCore",
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        path: "Tests/Hostility",
        swiftSettings: settings
    ),
    .executableTarget(
        name: "dht-probe",
        dependencies: ["DHTClient", "DHTCore", "Hostility"],
        path: "Tests/Probe",
        swiftSettings: settings
    ),
    .executableTarget(
        name: "hit-probe",
        dependencies: ["Cache", "IndexService", "Randomness"],
        path: "Tests/HitProbe",
        swiftSettings: settings
    ),
    .testTarget(
        name: "DHTClientTests",
        dependencies: [
            "DHTClient", "DHTCore", "Hostility",
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ],
        swiftSettings: settings
    ),
    .target(
        name: "StoreFiles",
        path: "Sources/IndexService/Store/Files",
        swiftSettings: settings
    ),
    // glibc's malloc.h, which the Glibc module leaves out.
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
        name: "IndexService",
        dependencies: [
            "BLAKE3", "CBuildInfo", "CMalloc", "CZlib", "Cache", "DHTClient", "DHTCore", "Spill",
            "StoreFiles", "Waiting",
            .product(name: "CoreMetrics", package: "swift-metrics"),
            .product(name: "GRDB", package: "GRDB.swift"),
            .product(name: "GRDBSQLite", package: "GRDB.swift"),
            .product(name: "HTTPTypes", package: "swift-http-types"),
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "HummingbirdCore", package: "hummingbird"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "Metrics", package: "swift-metrics"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
            .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ],
        exclude: ["Store/Files"],
        swiftSettings: settings
    ),
    .executableTarget(
        name: "svc-index",
        dependencies: [
            "IndexService", "BLAKE3", "DHTClient", "DHTCore",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ],
        swiftSettings: settings
    ),
    .testTarget(
        name: "IndexServiceTests",
        dependencies: [
            "IndexService", "BLAKE3", "Cache", "CZlib", "DHTClient", "DHTCore", "Randomness",
            "Spill",
            .product(name: "GRDB", package: "GRDB.swift"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOEmbedded", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ],
        swiftSettings: settings
    ),
]

let servicePackages: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
]

let package = Package(
    name: "svc-index",
    products: coreOnly ? [] : [.executable(name: "svc-index", targets: ["svc-index"])],
    dependencies: coreOnly ? [] : servicePackages,
    targets: coreTargets + (coreOnly ? coreTools : serviceTargets)
)

// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the service's build never sees the load generator: docs/adr/0009.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "svc-index-performance",
    products: [.executable(name: "svc-index-load", targets: ["svc-index-load"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CEpoll", path: "Load/CEpoll"),
        .target(
            name: "LoadEngine",
            dependencies: ["CEpoll"],
            path: "Load/Engine",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "svc-index-load",
            dependencies: [
                "LoadEngine", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Load/Command",
            swiftSettings: settings
        ),
        .testTarget(
            name: "LoadEngineTests",
            dependencies: ["LoadEngine"],
            path: "Load/Tests",
            swiftSettings: settings
        ),
    ]
)

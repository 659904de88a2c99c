// swift-tools-version: 6.2

import PackageDescription

/// A package of its own, so that what it needs to measure is no part of what is measured.
let ours: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "HoldfastMicro",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Named, because the folder of a clone can be called anything.
        .package(name: "Holdfast", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        // Without its traits: they bring an allocator of their own, and what is measured is the real one.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // What is done over and over, for all who measure it.
        .target(
            name: "Rehearsal", dependencies: [.product(name: "BoxOffice", package: "Holdfast")], swiftSettings: ours),
        // So many turns and nothing else: for counting instructions and allocations from outside.
        // The rules of a queue take square roots, and nothing else here links the library that has them.
        .executableTarget(
            name: "decisions", dependencies: ["Rehearsal"], swiftSettings: ours,
            linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
        // Callers of an embedded store in one process.
        .executableTarget(
            name: "callers",
            dependencies: [
                .product(name: "BoxOffice", package: "Holdfast"),
                .product(name: "EmbeddedStore", package: "Holdfast"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "TicketStore", package: "Holdfast"),
            ],
            swiftSettings: ours),
        // Time.
        .executableTarget(
            name: "Core",
            dependencies: ["Rehearsal", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Core",
            swiftSettings: ours,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)

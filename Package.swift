// swift-tools-version: 6.2

import PackageDescription

/// What every target of ours is compiled with. In CI a warning is an error; a user's newer compiler may warn.
let ours: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["STRICT_BUILD"] == nil ? [] : [.treatAllWarnings(as: .error)])

let package = Package(
    name: "Holdfast",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "holdfast", targets: ["holdfast"]),
        .library(name: "BoxOffice", targets: ["BoxOffice"]),
        .library(name: "TicketStore", targets: ["TicketStore"]),
        .library(name: "EmbeddedStore", targets: ["EmbeddedStore"]),
        .library(name: "TicketAPI", targets: ["TicketAPI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        // Its trait for swift-configuration would compile that, too.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The C library under one name on every platform.
        .target(name: "CLibrary", swiftSettings: ours),
        .target(
            name: "BoxOffice",
            dependencies: [.product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: ours),
        .target(name: "StrictJSON", swiftSettings: ours),
        .target(name: "TicketStore", dependencies: ["BoxOffice", "StrictJSON"], swiftSettings: ours),
        .target(name: "Workload", dependencies: ["BoxOffice", "TicketStore"], swiftSettings: ours),
        // BoringSSL, as NIOSSL brings it.
        .target(
            name: "Cryptography", dependencies: [.product(name: "NIOSSL", package: "swift-nio-ssl")],
            swiftSettings: ours),
        .target(
            name: "EmbeddedStore",
            dependencies: [
                "CLibrary", "BoxOffice", "TicketStore", "Cryptography",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: ours),
        .target(
            name: "RedisWire",
            dependencies: [
                "CLibrary",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: ours),
        .target(name: "RedisStoreTexts", path: "Sources/RedisStore/Texts"),
        .target(
            name: "RedisStore",
            dependencies: [
                "BoxOffice", "StrictJSON", "TicketStore", "RedisWire", "Cryptography", "RedisStoreTexts",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            exclude: ["Texts", "Lua"], swiftSettings: ours),
        .target(name: "APIDocsTexts", path: "Sources/APIDocs/Texts"),
        .target(
            name: "APIDocs", dependencies: ["APIDocsTexts"], exclude: ["Texts", "Web"], swiftSettings: ours),
        .target(name: "PagesTexts", path: "Sources/Pages/Texts"),
        .target(
            name: "Pages",
            dependencies: ["PagesTexts", "StrictJSON"], exclude: ["Texts", "Web"], swiftSettings: ours),
        .target(
            name: "TicketAPI",
            dependencies: [
                "CLibrary", "BoxOffice", "StrictJSON", "TicketStore", "APIDocs", "Pages", "Cryptography",
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOExtras", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: ours),
        .target(
            name: "Load",
            dependencies: [
                "BoxOffice", "StrictJSON", "Workload",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: ours),
        .target(
            name: "Settings",
            dependencies: [
                "CLibrary", "StrictJSON",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            // Its tests look inside, in the release build too; nothing in it is hot and no library offers it.
            swiftSettings: ours + [.unsafeFlags(["-enable-testing"])]),
        .target(
            name: "ServiceLog",
            dependencies: ["CLibrary", "StrictJSON", "Settings", .product(name: "Logging", package: "swift-log")],
            // As with Settings.
            swiftSettings: ours + [.unsafeFlags(["-enable-testing"])]),
        .executableTarget(
            name: "holdfast",
            dependencies: [
                "CLibrary", "BoxOffice", "StrictJSON", "TicketStore", "EmbeddedStore", "RedisStore", "RedisWire",
                "Pages", "TicketAPI", "Settings", "ServiceLog", "Load",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: ours),

        // The suite that every store is run through.
        .target(
            name: "StoreContract", dependencies: ["BoxOffice", "TicketStore", "Workload"],
            path: "Tests/Support/StoreContract",
            swiftSettings: ours),
        // Servers that tests start.
        .target(
            name: "RedisServers", dependencies: ["CLibrary"], path: "Tests/Support/RedisServers", swiftSettings: ours),
        .testTarget(name: "BoxOfficeTests", dependencies: ["BoxOffice", "TicketStore", "Workload"]),
        .testTarget(name: "StrictJSONTests", dependencies: ["BoxOffice", "StrictJSON", "TicketStore", "Workload"]),
        .testTarget(name: "TicketStoreTests", dependencies: ["BoxOffice", "StrictJSON", "TicketStore", "Workload"]),
        .testTarget(
            name: "ServiceLogTests",
            dependencies: ["Settings", "ServiceLog", .product(name: "Logging", package: "swift-log")]),
        .testTarget(
            name: "SettingsTests", dependencies: ["Settings", .product(name: "Logging", package: "swift-log")]),
        .testTarget(
            name: "EmbeddedStoreTests",
            dependencies: [
                "BoxOffice", "TicketStore", "Workload", "EmbeddedStore", "StoreContract",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "TicketAPITests",
            dependencies: [
                "BoxOffice", "TicketStore", "Workload", "TicketAPI", "APIDocs", "Pages",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .testTarget(name: "PagesTests", dependencies: ["Pages", "StrictJSON"]),
        .testTarget(name: "LoadTests", dependencies: ["Load", .product(name: "NIOCore", package: "swift-nio")]),
        .testTarget(
            name: "RedisStoreTests",
            dependencies: [
                "BoxOffice", "TicketStore", "Workload", "RedisStore", "RedisWire", "StoreContract", "RedisServers",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "MoveTests",
            dependencies: [
                "BoxOffice", "TicketStore", "EmbeddedStore", "RedisStore", "RedisWire", "StoreContract", "RedisServers",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(
            name: "RedisWireTests",
            dependencies: [
                "CLibrary", "RedisWire", "Workload", "RedisServers",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography"]),
        .testTarget(
            name: "TidyTests",
            dependencies: ["BoxOffice", "RedisStore", "Settings", "StrictJSON", "TicketAPI", "TicketStore"]),
    ],
    // For #embed.
    cLanguageStandard: .c2x
)

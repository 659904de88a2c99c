import Foundation
import NIOCore
import NIOPosix

/// A Redis server of this test's own: on a free port, in a directory that is gone afterwards.
final class RedisServer: @unchecked Sendable {
    struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    let directory: String
    private let arguments: [String]
    private var process: Process

    /// - Parameter settings: as in a configuration file, name and value each.
    init(_ settings: [String] = ["appendonly", "no"]) throws {
        port = try Self.freePortOfCluster()
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = url.path
        var arguments = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--dir", directory, "--loglevel", "warning", "--save", "",
        ]
        for index in stride(from: 0, to: settings.count, by: 2) {
            let words = settings[index + 1].split(separator: " ").map { $0 == "\"\"" ? "" : String($0) }
            arguments += ["--" + settings[index]] + words
        }
        self.arguments = arguments
        process = try Self.start(arguments)
        try waitUntilItAnswers()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: directory)
    }

    func signal(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Whether it has functions; one before 7.0 has scripts only.
    var hasFunctions: Bool {
        get throws { try !ask("FUNCTION", "STATS").contains("unknown command") }
    }

    /// Kills it, and starts another one on the same directory and port.
    func restart() throws {
        signal(SIGKILL)
        process.waitUntilExit()
        process = try Self.start(arguments)
        try waitUntilItAnswers()
    }

    /// Asks as an operator would, and gives the output.
    @discardableResult
    func ask(_ words: String...) throws -> String { try ask(words) }

    @discardableResult
    func ask(_ words: [String]) throws -> String {
        let cli = Process()
        cli.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        cli.arguments = ["redis-cli", "-h", "127.0.0.1", "-p", "\(port)"] + words
        let output = Pipe()
        cli.standardOutput = output
        cli.standardError = FileHandle.nullDevice
        try cli.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        cli.waitUntilExit()
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        // The server is among Debian's `redis-tools` under another name, and goes by the name it is called with.
        let tool = "/usr/bin/redis-check-rdb"
        let isTool = FileManager.default.isExecutableFile(atPath: tool)
        if let chosen = ProcessInfo.processInfo.environment["REDIS_SERVER"], !chosen.isEmpty {
            process.executableURL = URL(fileURLWithPath: chosen)
            process.arguments = arguments
        } else {
            process.executableURL = URL(fileURLWithPath: isTool ? "/bin/bash" : "/usr/bin/env")
            process.arguments =
                (isTool ? ["-c", "exec -a redis-server \(tool) \"$@\"", "bash"] : ["redis-server"]) + arguments
        }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func waitUntilItAnswers() throws {
        for _ in 0..<200 {
            if try ask("PING") == "PONG" { return }
            usleep(25_000)
        }
        throw Trouble(description: "redis-server does not answer on port \(port)")
    }

    /// Servers of a cluster speak with each other ten thousand further on; one before 7.0 can be told no other port.
    private static func freePortOfCluster() throws -> Int {
        for _ in 0..<1_000 {
            let port = try freePort()
            if port < 55_536, (try? freePort(port + 10_000)) != nil { return port }
        }
        throw Trouble(description: "no free port with another one above it")
    }

    private static func freePort(_ wanted: Int = 0) throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(wanted).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw Trouble(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A cluster of three masters without replicas, all of this test's own.
final class RedisCluster: Sendable {
    let servers: [RedisServer]

    init(_ settings: [String] = ["appendonly", "no"]) throws {
        servers = try (0..<3).map { _ in
            try RedisServer(settings + ["cluster-enabled", "yes", "cluster-node-timeout", "2000"])
        }
        let cli = Process()
        cli.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        cli.arguments =
            ["redis-cli", "--cluster", "create"] + servers.map { "127.0.0.1:\($0.port)" } + ["--cluster-yes"]
        cli.standardOutput = FileHandle.nullDevice
        cli.standardError = FileHandle.nullDevice
        try cli.run()
        cli.waitUntilExit()
        for server in servers {
            var isUp = false
            for _ in 0..<200 where !isUp {
                isUp = try server.ask("CLUSTER", "INFO").contains("cluster_state:ok")
                if !isUp { usleep(25_000) }
            }
            guard isUp else { throw RedisServer.Trouble(description: "the cluster does not come up") }
        }
    }
}

import Foundation
import RedisWire
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A server of a test's own, on a free port, in a directory of its own; it ends with the test, whatever becomes of that.
final class RedisServer {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    let busPort: Int
    let directory: URL
    private let arguments: [String]
    private var keeper: Process?
    private var pipe: Pipe?
    private var pid: pid_t = 0

    /// - Parameters:
    ///   - arguments: options of the server besides those that every one gets.
    ///   - tlsOnly: the port speaks TLS and nothing else.
    ///   - isCluster: it is to be a node of a cluster, which holds one that is silent for half a second for dead.
    init(_ arguments: [String] = [], tlsOnly: Bool = false, isCluster: Bool = false) throws {
        let ports = try Self.freePorts(2)
        port = ports[0]
        busPort = ports[1]
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("redis-wire-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let listening =
            tlsOnly ? ["--port", "0", "--tls-port", "\(port)"] : ["--port", "\(port)"]
        self.arguments =
            listening + [
                "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory.path, "--daemonize", "no",
                "--repl-diskless-sync-delay", "0", "--logfile", "log",
            ] + arguments
            + (isCluster
                ? ["--cluster-enabled", "yes", "--cluster-port", "\(busPort)", "--cluster-node-timeout", "500"] : [])
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    var node: RedisNode { RedisNode(host: "127.0.0.1", port: port) }

    /// Starts it, and returns when it listens.
    ///
    /// Its keeper, a shell, kills it when its own input ends: also when the tests crash.
    func start() async throws {
        let keeper = Process()
        keeper.executableURL = URL(fileURLWithPath: "/bin/sh")
        keeper.arguments =
            ["-c", #""$@" </dev/null >/dev/null 2>&1 & echo $!; read -r end; kill -9 $!"#, "sh", try Self.program()]
            + arguments
        let (input, output) = (Pipe(), Pipe())
        keeper.standardInput = input
        keeper.standardOutput = output
        try keeper.run()
        self.keeper = keeper
        pipe = input
        let line = output.fileHandleForReading.availableData
        guard let pid = pid_t(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw Failure(description: "the server did not start") }
        self.pid = pid
        try await eventually("the server listens on \(port)") { Self.isListening(port) }
    }

    /// `SIGKILL`, as a crash would do.
    func kill() {
        try? pipe?.fileHandleForWriting.close()
        keeper?.waitUntilExit()
        (keeper, pipe) = (nil, nil)
    }

    /// It stalls: the kernel takes bytes for it, and nobody reads them.
    func stall() { _ = signal(SIGSTOP) }

    func goOn() { _ = signal(SIGCONT) }

    /// What `redis-cli` prints for a command.
    @discardableResult
    func cli(_ arguments: String...) throws -> String {
        try run("redis-cli", ["-p", "\(port)"] + arguments)
    }

    private func signal(_ number: Int32) -> Int32 { Glibc.kill(pid, number) }

    /// The program: Debian's package of tools carries it under another name, without the service.
    private static func program() throws -> String {
        for folder in (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":") {
            for name in ["redis-server", "valkey-server"] {
                let path = "\(folder)/\(name)"
                if FileManager.default.isExecutableFile(atPath: path) { return path }
            }
        }
        let tool = "/usr/bin/redis-check-rdb"
        guard FileManager.default.isExecutableFile(atPath: tool) else {
            throw Failure(description: "there is no redis-server; Tests/prepare installs it")
        }
        // It is the same program, and does what its name says.
        let link = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(getuid())-redis-server")
            .path
        try? FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: tool)
        return link
    }

    private static func freePorts(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for file in sockets { close(file) } }
        return try (0..<count).map { _ in
            let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(file)
            var address = loopback(0)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
                }
            }
            guard isBound else { throw Failure(description: "no free port") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    private static func isListening(_ port: Int) -> Bool {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}

/// What a program prints.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: text, as: UTF8.self)
}

/// Waits until something is true, or fails after a time in which it should long have been.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ isTrue: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !isTrue() {
        guard ContinuousClock.now < end else { throw RedisServer.Failure(description: "in \(limit) not true: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

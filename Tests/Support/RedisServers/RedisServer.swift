internal import CLibrary
package import Foundation

/// A Redis server for one test, on a free port and in a directory of its own. It ends with the test.
///
/// `REDIS_SERVER` in the environment names a program to run instead of the installed one.
package final class RedisServer: @unchecked Sendable {
    package struct Trouble: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    package let port: Int
    package let directory: URL
    private let arguments: [String]
    private var keeper: Process?
    private var input: Pipe?
    private var pid: pid_t = 0

    /// Starts a server, and returns when it answers.
    ///
    /// - Parameters:
    ///   - settings: as in a configuration file, name and value in turn.
    ///   - isTLSOnly: whether the port speaks only TLS.
    package init(_ settings: [String] = ["appendonly", "no"], isTLSOnly: Bool = false) throws {
        port = try Self.freePort()
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var arguments = isTLSOnly ? ["--port", "0", "--tls-port", "\(port)"] : ["--port", "\(port)"]
        arguments += [
            "--bind", "127.0.0.1", "--dir", directory.path, "--logfile", "log", "--save", "", "--daemonize", "no",
            "--repl-diskless-sync-delay", "0",
        ]
        for index in stride(from: 0, to: settings.count, by: 2) {
            let words = settings[index + 1].split(separator: " ").map { $0 == "\"\"" ? "" : String($0) }
            arguments += ["--" + settings[index]] + words
        }
        self.arguments = arguments
        try start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Whether the server has functions. A server before 7.0 has only scripts.
    package var hasFunctions: Bool {
        get throws { try !ask("FUNCTION", "STATS").contains("unknown command") }
    }

    /// Kills the server with `SIGKILL`, like a crash.
    package func kill() {
        try? input?.fileHandleForWriting.close()
        keeper?.waitUntilExit()
        (keeper, input) = (nil, nil)
    }

    /// Kills the server, and starts another one with the same directory and port.
    ///
    /// - Parameter hasRead: whether to wait until the server has read its data.
    package func restart(hasRead: Bool = true) throws {
        kill()
        try start(hasRead: hasRead)
    }

    /// Stops the process: the kernel accepts bytes for it, and nobody reads them.
    package func stall() { signal(SIGSTOP) }

    /// Continues the process after a stall.
    package func goOn() { signal(SIGCONT) }

    package func signal(_ number: Int32) {
        _ = CLibrary.kill(pid, number)
    }

    /// Runs a command as an operator would. Returns what `redis-cli` prints.
    @discardableResult
    package func ask(_ words: String...) throws -> String { try ask(words) }

    @discardableResult
    package func ask(_ words: [String]) throws -> String {
        try run("redis-cli", ["-h", "127.0.0.1", "-p", "\(port)"] + words)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Makes the server a replica, and returns when it has all data of `master`.
    package func follow(_ master: RedisServer) throws {
        try ask("REPLICAOF", "127.0.0.1", "\(master.port)")
        // If the master never wrote anything, every replica has everything, acknowledged or not. So write something.
        try master.ask("SET", "followed", "")
        try master.ask("DEL", "followed")
        try wait("the server on port \(port) follows that on port \(master.port)") {
            guard try ask("INFO", "replication").contains("master_link_status:up") else { return false }
            // Until the replica's first acknowledgement, `WAIT` always times out.
            let told = try master.ask("INFO", "replication")
            guard let offset = told.components(separatedBy: "master_repl_offset:").last?.prefix(while: \.isNumber)
            else { return false }
            return told.contains("state=online,offset=\(offset),")
        }
    }

    /// A shell starts the server, and kills it when the shell's own input ends. So the server also ends when the tests
    /// crash.
    private func start(hasRead: Bool = true) throws {
        let keeper = Process()
        keeper.executableURL = URL(fileURLWithPath: "/bin/sh")
        keeper.arguments =
            ["-c", #""$@" </dev/null >/dev/null 2>&1 & echo $!; read -r end; kill -9 $!"#, "sh", try Self.program()]
            + arguments
        let (input, output) = (Pipe(), Pipe())
        keeper.standardInput = input
        keeper.standardOutput = output
        keeper.standardError = FileHandle.nullDevice
        try keeper.run()
        self.keeper = keeper
        self.input = input
        let line = output.fileHandleForReading.availableData
        guard let pid = pid_t(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { throw Trouble("the server did not start") }
        self.pid = pid
        // Only connect: the server may want a password, or TLS.
        try wait("the server listens on \(port)") { Self.isListening(port) }
        guard hasRead else { return }
        try wait("the server has read what it kept") { try !ask("PING").hasPrefix("LOADING") }
    }

    /// The program. Debian's package of tools has the server under another name, without the service.
    private static func program() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let chosen = environment["REDIS_SERVER"], !chosen.isEmpty { return chosen }
        for folder in (environment["PATH"] ?? "/usr/bin").split(separator: ":") {
            let path = "\(folder)/redis-server"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        let tool = "/usr/bin/redis-check-rdb"
        guard FileManager.default.isExecutableFile(atPath: tool) else {
            throw Trouble("there is no redis-server; Tests/prepare installs it")
        }
        // It is the same program, which behaves as its name says.
        let link = FileManager.default.temporaryDirectory.appendingPathComponent("holdfast-\(getuid())-redis-server")
            .path
        try? FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: tool)
        return link
    }

    /// A free port, with the port 10,000 above it free, too: servers of a cluster use that one among themselves, and a
    /// server before 7.0 has no setting for another one.
    ///
    /// Both lie below the ports that the system gives to connections, so none is taken before the server listens, or
    /// while it is restarted.
    private static func freePort() throws -> Int {
        let range = (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)) ?? ""
        let least = range.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) } ?? 32_768
        for _ in 0..<1_000 {
            let wanted = least > 22_000 ? Int.random(in: 10_000..<least - 10_000) : 0
            guard let port = bound(to: wanted), port < 55_536, bound(to: port + 10_000) != nil else { continue }
            return port
        }
        throw Trouble("no free port with another one above it")
    }

    /// The port that a socket can be bound to (any free one for 0), which is free again when this returns; `nil` if
    /// there is none.
    private static func bound(to port: Int) -> Int? {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, length) == 0 && getsockname(file, $0, &length) == 0
            }
        }
        return isBound ? Int(UInt16(bigEndian: address.sin_port)) : nil
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
package func run(_ program: String, _ arguments: [String]) throws -> String {
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

/// Waits until a condition is true, or throws after a generous limit.
func wait(_ what: String, _ isTrue: () throws -> Bool) throws {
    for _ in 0..<12_000 {
        if try isTrue() { return }
        usleep(5_000)
    }
    throw RedisServer.Trouble("not true in a long time: \(what)")
}

import Foundation
import RedisServers
import RedisWire
import Testing

@Suite("TLS is checked", .serialized, .timeLimit(.minutes(10)))
struct TLSTests {
    /// An authority, and a certificate of it for some names or addresses.
    private struct Certificates {
        let directory: URL

        init(_ names: String) throws {
            directory = FileManager.default.temporaryDirectory.appendingPathComponent("wire-tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            try run(
                "openssl",
                ["req", "-x509", "-subj", "/CN=test authority", "-keyout", path("ca.key"), "-out", path("ca.pem")] + key
            )
            try run(
                "openssl",
                ["req", "-subj", "/CN=a server", "-keyout", path("key.pem"), "-out", path("request.pem")] + key)
            try "subjectAltName=\(names)\n".write(
                toFile: path("names"), atomically: true, encoding: .utf8)
            let printed = try run(
                "openssl",
                [
                    "x509", "-req", "-in", path("request.pem"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                    "-CAcreateserial", "-days", "2", "-extfile", path("names"), "-out", path("cert.pem"),
                ])
            guard FileManager.default.fileExists(atPath: path("cert.pem")) else {
                throw RedisServer.Trouble(printed)
            }
        }

        func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

        func server() throws -> RedisServer {
            try RedisServer(
                [
                    "tls-cert-file", path("cert.pem"), "tls-key-file", path("key.pem"), "tls-ca-cert-file",
                    path("ca.pem"), "tls-auth-clients", "no",
                ], isTLSOnly: true)
        }

        func remove() { try? FileManager.default.removeItem(at: directory) }
    }

    private static func secure(_ server: RedisServer, _ host: String, _ tls: RedisConfiguration.TLS)
        -> RedisConfiguration
    {
        var secure = configuration(RedisNode(host: host, port: server.port))
        secure.tls = tls
        return secure
    }

    private static func isRefused(_ configuration: RedisConfiguration) async throws -> Bool {
        try await withClient(configuration) { client in
            let outcome = await client.outcome(RedisCommand("PING"))
            guard case .failure(.notSent(.notConnected(.tlsRefused))) = outcome else {
                Issue.record("\(outcome)")
                return false
            }
            return true
        }
    }

    @Test("A certificate is accepted if its authority is trusted and it names the host, and otherwise not")
    func certificates() async throws {
        let certificates = try Certificates("DNS:localhost")
        defer { certificates.remove() }
        let server = try certificates.server()
        let trusted = RedisConfiguration.TLS(authorities: certificates.path("ca.pem"))
        try await withClient(Self.secure(server, "localhost", trusted)) { client in
            #expect(await client.outcome(RedisCommand("PING")).isGood)
        }
        #expect(try await Self.isRefused(Self.secure(server, "127.0.0.1", trusted)), "it does not name the address")
        var address = try RedisConfiguration(address: "rediss://localhost:\(server.port)")
        address.timeouts = configuration(server.node).timeouts
        #expect(try await Self.isRefused(address), "the system does not know this authority")
        var named = trusted
        named.serverName = "localhost"
        try await withClient(Self.secure(server, "127.0.0.1", named)) { client in
            #expect(await client.outcome(RedisCommand("PING")).isGood)
        }
        named.serverName = "other.example"
        #expect(try await Self.isRefused(Self.secure(server, "localhost", named)), "it is another's")
    }

    @Test("A certificate for another host is refused")
    func otherHost() async throws {
        let certificates = try Certificates("DNS:other.example,IP:10.1.2.3")
        defer { certificates.remove() }
        let server = try certificates.server()
        let trusted = RedisConfiguration.TLS(authorities: certificates.path("ca.pem"))
        for host in ["localhost", "127.0.0.1"] {
            #expect(try await Self.isRefused(Self.secure(server, host, trusted)))
        }
    }

    @Test("A certificate may name an address")
    func address() async throws {
        let certificates = try Certificates("IP:127.0.0.1")
        defer { certificates.remove() }
        let server = try certificates.server()
        let trusted = RedisConfiguration.TLS(authorities: certificates.path("ca.pem"))
        try await withClient(Self.secure(server, "127.0.0.1", trusted)) { client in
            #expect(await client.outcome(RedisCommand("PING")).isGood)
            async let blocked = client.outcome(RedisCommand("BLPOP", "nothing", "0"))
            try await withClient(Self.secure(server, "127.0.0.1", trusted)) { other in
                try await eventually("it waits") {
                    try await other.call(RedisCommand("INFO", "clients"), for: nil).text().contains("blocked_clients:1")
                }
            }
            server.kill()
            #expect(await blocked == .failure(.outcomeUnknown(.connectionLost(.closed))))
        }
    }

    @Test("A client with TLS and a server without, or the other way round, fail with a reason")
    func mixedUp() async throws {
        let certificates = try Certificates("DNS:localhost")
        defer { certificates.remove() }
        let plain = try RedisServer()
        let trusted = RedisConfiguration.TLS(authorities: certificates.path("ca.pem"))
        #expect(try await Self.isRefused(Self.secure(plain, "localhost", trusted)))
        let secure = try certificates.server()
        // The server waits for more, so the attempt ends with its time.
        var clear = configuration(secure.node)
        clear.timeouts.connect = .seconds(2)
        try await withClient(clear) { client in
            guard case .failure(.notSent(.notConnected)) = await client.outcome(RedisCommand("PING")) else {
                Issue.record("it was answered in clear")
                return
            }
        }
        withExtendedLifetime(secure) {}
    }

    @Test("A client cannot be made if the file of trusted certificates cannot be read")
    func unreadable() async throws {
        let nowhere = RedisConfiguration.TLS(authorities: "/nowhere")
        var secure = configuration(RedisNode(host: "localhost"))
        secure.tls = nowhere
        await #expect(throws: ConnectionFailure.self) { try await withClient(secure) { _ in } }
    }
}

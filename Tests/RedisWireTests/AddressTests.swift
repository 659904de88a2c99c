import RedisWire
import Testing

@Suite("An address becomes a configuration")
struct AddressTests {
    private struct Row: Sendable {
        var address: String
        var servers: RedisConfiguration.Servers
        var user: String?
        var password: String?
        var database = 0
        var isSecure = false
    }

    private static let good: [Row] = [
        Row(address: "redis://localhost", servers: .standalone(RedisNode(host: "localhost"))),
        Row(address: "REDIS://10.0.0.1:7000/", servers: .standalone(RedisNode(host: "10.0.0.1", port: 7000))),
        Row(address: "redis://[::1]:65535/15", servers: .standalone(RedisNode(host: "::1", port: 65535)), database: 15),
        Row(address: "redis://[fe80::1]", servers: .standalone(RedisNode(host: "fe80::1"))),
        Row(
            address: "rediss://office:s%40f%2fe@r.example:6380/2",
            servers: .standalone(RedisNode(host: "r.example", port: 6380)), user: "office", password: "s@f/e",
            database: 2, isSecure: true),
        Row(address: "redis://:secret@h", servers: .standalone(RedisNode(host: "h")), password: "secret"),
        Row(address: "redis://:a:b@c@h", servers: .standalone(RedisNode(host: "h")), password: "a:b@c"),
        Row(address: "redis://reader@h", servers: .standalone(RedisNode(host: "h")), user: "reader"),
        Row(
            address: "redis+cluster://a:1,b,[::2]:3",
            servers: .cluster([
                RedisNode(host: "a", port: 1), RedisNode(host: "b"), RedisNode(host: "::2", port: 3),
            ])),
        Row(
            address: "rediss+cluster://u:p@a/0", servers: .cluster([RedisNode(host: "a")]), user: "u", password: "p",
            isSecure: true),
    ]

    @Test("Scheme, login, hosts and database are read", arguments: good.indices)
    func reading(index: Int) throws {
        let row = Self.good[index]
        let configuration = try RedisConfiguration(address: row.address)
        #expect(configuration.servers == row.servers)
        #expect(configuration.user == row.user)
        #expect(configuration.password == row.password.map { .text($0) })
        #expect(configuration.database == row.database)
        #expect((configuration.tls != nil) == row.isSecure)
    }

    @Test(
        "What is wrong is named",
        arguments: [
            ("", RedisAddressMistake.unknownScheme), ("localhost:6379", .unknownScheme), ("http://h", .unknownScheme),
            ("redis:/h", .unknownScheme), ("redis://", .noHost), ("redis://:1", .noHost), ("redis://u:p@", .noHost),
            ("redis://a b", .noHost), ("redis://[::1", .noHost), ("redis+cluster://a,", .noHost),
            ("redis://h:", .badPort), ("redis://h:0", .badPort), ("redis://h:65536", .badPort),
            ("redis://h:+1", .badPort), ("redis://[::1]x", .badPort), ("redis://h:1:2", .badPort),
            ("redis://h/x", .badDatabase), ("redis://h/65536", .badDatabase), ("redis://h/-1", .badDatabase),
            ("redis://h/1/2", .badDatabase), ("redis+cluster://h/1", .databaseInCluster),
            ("redis://a,b", .severalHosts), ("redis://u:%zz@h", .badEscape), ("redis://u:%4@h", .badEscape),
            ("redis://u:%ff@h", .badEscape), ("redis://h?x=1", .hasQuery), ("redis://u:a#b@h", .hasQuery),
            ("redis+cluster://" + String(repeating: "a,", count: 64) + "a", .tooManyHosts),
        ])
    func mistakes(address: String, mistake: RedisAddressMistake) {
        #expect(throws: mistake) { try RedisConfiguration(address: address) }
    }

    @Test("No mistake and no description contains a password")
    func secrecy() throws {
        let configuration = try RedisConfiguration(address: "redis://user:hunter2@h/1")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2"))
        }
        for address in ["redis://hunter2@h:x", "redis://u:hunter2%@h", "redis://u:hunter2@", "hunter2://h"] {
            do {
                _ = try RedisConfiguration(address: address)
                Issue.record("\(address) was read")
            } catch {
                #expect(!"\(error) \(String(reflecting: error))".contains("hunter2"))
            }
        }
    }
}

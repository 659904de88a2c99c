import NIOCore
import NIOHTTP1
import Testing
import TicketAPI

@Suite("Only trusted proxies say who a caller is")
struct ProxiesTests {
    private static func proxies(
        _ header: TrustedProxies.Header = .xForwardedFor, unix: Bool = false
    ) -> TrustedProxies {
        var proxies = TrustedProxies(
            networks: [([10, 0, 0, 0], 8), ([192, 0, 2, 9], 32), ([0xfd] + [UInt8](repeating: 0, count: 15), 8)],
            unixSockets: unix)
        proxies.header = header
        return proxies
    }

    private static let proxy = RequestSender(InternetAddress("10.0.0.1"), isSecure: false)

    @Test("An address is read in digits only, and an IPv4 address is the IPv6 address that stands for it")
    func addresses() throws {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8:0::1", "2001:db8::1"),
            ("::", "::"),
            ("255.255.255.255", "255.255.255.255"),
        ] {
            #expect(try #require(InternetAddress(text)).description == shown)
        }
        for text in [
            "", "a", "192.0.2", "192.0.2.256", "192.0.2.1 ", "0x7f.1", "fe80::1%eth0", "[::1]", "192.0.2.1\0",
            String(repeating: "1", count: 46),
        ] {
            #expect(InternetAddress(text) == nil, "\(text)")
        }
        for text in ["192.0.2.1", "2001:db8:1:2::3", "::ffff:192.0.2.1"] {
            let socket = try SocketAddress(ipAddress: text, port: 1)
            #expect(InternetAddress(socket) == InternetAddress(text))
            #expect(CallerQuota.Caller(of: InternetAddress(text)) == CallerQuota.Caller(socket))
        }
        #expect(CallerQuota.Caller(of: nil) == CallerQuota.Caller(try SocketAddress(unixDomainSocketPath: "/x")))
    }

    @Test("A network has the addresses that begin with its bits, and those at its edges")
    func networks() {
        func trusts(_ networks: [(bytes: [UInt8], bits: Int)], _ address: String) -> Bool {
            // Somebody who is not trusted cannot say who they are, so the sender tells whether they are.
            let sender = RequestSender(InternetAddress(address), isSecure: false)
            let headers: HTTPHeaders = ["x-forwarded-for": "198.51.100.7, \(address)"]
            return TrustedProxies(networks: networks).sender(of: headers, over: sender) != sender
        }
        for (bits, inside, outside) in [
            (8, ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
            (9, ["10.0.0.0", "10.127.255.255"], ["10.128.0.0"]), (32, ["10.0.0.0"], ["10.0.0.1"]),
            (0, ["0.0.0.0", "255.255.255.255"], ["::1"]),
        ] {
            for address in inside { #expect(trusts([([10, 0, 0, 0], bits)], address), "\(address)/\(bits)") }
            for address in outside { #expect(!trusts([([10, 0, 0, 0], bits)], address), "\(address)/\(bits)") }
        }
        let six: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        for (bits, inside, outside) in [
            (64, ["2001:db8:0:1:ffff::"], ["2001:db8:0:2::"]), (65, ["2001:db8:0:1::1"], ["2001:db8:0:1:8000::"]),
            (63, ["2001:db8::"], ["2001:db8:0:2::"]), (0, ["::1", "10.0.0.1"], []), (128, ["2001:db8:0:1::"], []),
        ] {
            for address in inside { #expect(trusts([(six, bits)], address), "\(address)/\(bits)") }
            for address in outside { #expect(!trusts([(six, bits)], address), "\(address)/\(bits)") }
        }
    }

    @Test(
        "X-Forwarded-For is read from behind, past trusted proxies, to the first address that is none",
        arguments: [
            // What the proxy saw, and what the client made up before it.
            (["203.0.113.5"], "203.0.113.5"), (["198.51.100.1, 203.0.113.5"], "203.0.113.5"),
            (["198.51.100.1", "203.0.113.5"], "203.0.113.5"), (["x, \", 203.0.113.5"], "203.0.113.5"),
            // A chain of proxies, also of ours alone.
            (["203.0.113.5, 10.0.0.2"], "203.0.113.5"), (["203.0.113.5,192.0.2.9 ,\t10.0.0.2 "], "203.0.113.5"),
            (["10.0.0.3, 10.0.0.2"], "10.0.0.3"), (["198.51.100.1, 203.0.113.5, fd00::2"], "203.0.113.5"),
            // With a port, and IPv6.
            (["203.0.113.5:4711"], "203.0.113.5"), (["[2001:db8::1]:4711"], "2001:db8::1"),
            (["2001:db8::1"], "2001:db8::1"),
            // What is not an address is nobody: the sender is who is known.
            ([], "10.0.0.1"), ([""], "10.0.0.1"), (["unknown"], "10.0.0.1"), (["203.0.113.5, "], "10.0.0.1"),
            (["203.0.113.5, unknown, 10.0.0.2"], "10.0.0.2"), (["[2001:db8::1"], "10.0.0.1"), (["[::1]x"], "10.0.0.1"),
            (["203.0.113.5:"], "10.0.0.1"), (["203.0.113.5:123456"], "10.0.0.1"),
        ])
    func xForwardedFor(_ lines: [String], _ sender: String) {
        let headers = HTTPHeaders(lines.map { ("X-Forwarded-For", $0) } + [("forwarded", "for=198.51.100.99")])
        let read = Self.proxies().sender(of: headers, over: Self.proxy)
        #expect(read == RequestSender(InternetAddress(sender), isSecure: false))
    }

    @Test(
        "Forwarded is read from behind, too, whatever the client puts before it",
        arguments: [
            (["for=203.0.113.5"], "203.0.113.5", false), (["For=203.0.113.5;Proto=HTTPS"], "203.0.113.5", true),
            (["for=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1"], "2001:db8::1", true),
            (["for=203.0.113.5;proto=https, for=10.0.0.2;proto=http"], "203.0.113.5", true),
            (["for=203.0.113.5;proto=http, for=10.0.0.2;proto=https"], "203.0.113.5", false),
            (["for=198.51.100.1;proto=https, for=203.0.113.5"], "203.0.113.5", false),
            (["for=198.51.100.1", "for=203.0.113.5"], "203.0.113.5", false),
            // A quotation mark of the client's does not swallow what the proxy wrote.
            (["for=\"198.51.100.1, for=203.0.113.5"], "203.0.113.5", false),
            (["x=\", for=\"[2001:db8::1]:4711\""], "2001:db8::1", false),
            (["for=_hidden"], "10.0.0.1", false), (["for=unknown;proto=https"], "10.0.0.1", true),
            (["proto=https"], "10.0.0.1", true), (["for=203.0.113.5, for=_hidden, for=10.0.0.2"], "10.0.0.2", false),
            ([], "10.0.0.1", false), (["="], "10.0.0.1", false), ([";;,"], "10.0.0.1", false),
        ])
    func forwarded(_ lines: [String], _ sender: String, _ isSecure: Bool) {
        let headers = HTTPHeaders(lines.map { ("Forwarded", $0) } + [("x-forwarded-for", "198.51.100.99")])
        let read = Self.proxies(.forwarded).sender(of: headers, over: Self.proxy)
        #expect(read == RequestSender(InternetAddress(sender), isSecure: isSecure))
    }

    @Test("X-Forwarded-Proto is the nearest proxy's word")
    func proto() {
        for (lines, isSecure) in [
            (["https"], true), (["HTTPS"], true), (["http"], false), (["http, https"], true), (["https,http"], false),
            (["https", "http"], false), ([""], false), (["httpss"], false), ([], true),
        ] {
            let headers = HTTPHeaders(lines.map { ("x-forwarded-proto", $0) })
            let over = RequestSender(nil, isSecure: true)
            #expect(Self.proxies(unix: true).sender(of: headers, over: over).isSecure == isSecure, "\(lines)")
        }
    }

    @Test("A circle of proxies is looked at for so long, and no longer")
    func circle() {
        let many = Array(repeating: "10.0.0.2", count: 5_000).joined(separator: ",")
        let read = Self.proxies().sender(of: ["x-forwarded-for": "203.0.113.5,\(many)"], over: Self.proxy)
        #expect(read.address == InternetAddress("10.0.0.2"))
    }
}

@Suite("The header of the PROXY protocol is read whole or not at all")
struct ProxyHeaderTests {
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    /// Version 2.
    static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xff)] + rest
    }

    static func read(_ bytes: [UInt8]) -> ProxyHeader.Reading {
        ProxyHeader.read(ByteBuffer(bytes: bytes).readableBytesView)
    }

    static let four: [UInt8] = [203, 0, 113, 5, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb]
    static let six: [UInt8] =
        [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 20)

    static let whole: [([UInt8], ProxyHeader)] = [
        (Array("PROXY TCP4 203.0.113.5 10.0.0.1 4711 443\r\n".utf8), .behalf(of: InternetAddress("203.0.113.5"))),
        (Array("PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n".utf8), .behalf(of: InternetAddress("2001:db8::1"))),
        (Array("PROXY UNKNOWN\r\n".utf8), .own), (Array("PROXY UNKNOWN ffff:f...f:ffff 65535 x\r\n".utf8), .own),
        (binary(0x21, 0x11, four), .behalf(of: InternetAddress("203.0.113.5"))),
        (binary(0x21, 0x21, six), .behalf(of: InternetAddress("2001:db8::1"))),
        // With more behind the addresses, which is not looked at.
        (binary(0x21, 0x11, four + [4, 0, 1, 0xff]), .behalf(of: InternetAddress("203.0.113.5"))),
        (binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), .behalf(of: nil)),
        // LOCAL, whatever it says besides, and a family that nobody knows.
        (binary(0x20, 0x00, []), .own), (binary(0x20, 0x11, four), .own), (binary(0x21, 0x00, []), .own),
    ]

    @Test("A whole header says who is there, and how long it was; each beginning of it says that more is needed")
    func wholeHeaders() {
        for (bytes, header) in Self.whole {
            #expect(Self.read(bytes) == .whole(header, length: bytes.count))
            #expect(Self.read(bytes + Array("GET / HTTP/1.1\r\n".utf8)) == .whole(header, length: bytes.count))
            for count in 0..<bytes.count {
                #expect(Self.read(Array(bytes[..<count])) == .partial, "\(count) of \(bytes)")
            }
        }
    }

    @Test("What is not a header is wrong, as soon as it shows")
    func wrong() {
        for text in [
            "G", "GET / HTTP/1.1\r\n", "PROXX", "proxy ", "PROXY TCP4 203.0.113.5 10.0.0.1 4711 443\n",
            "PROXY TCP4 203.0.113.5 10.0.0.1 4711\r\n", "PROXY TCP4 203.0.113.5 10.0.0.1 4711 443 \r\n",
            "PROXY TCP4 2001:db8::1 fd00::1 4711 443\r\n", "PROXY TCP6 203.0.113.5 10.0.0.1 4711 443\r\n",
            "PROXY TCP4 203.0.113.5 10.0.0.1 65536 443\r\n", "PROXY TCP4 203.0.113.5 name 4711 443\r\n",
            "PROXY UDP4 203.0.113.5 10.0.0.1 4711 443\r\n", "PROXY \r\n", "PROXY \n",
            "PROXY UNKNOWN " + String(repeating: "x", count: 100),
        ] {
            #expect(Self.read(Array(text.utf8)) == .wrong, "\(text)")
        }
        for bytes in [
            Self.binary(0x22, 0x11, Self.four), Self.binary(0x11, 0x11, Self.four), Self.binary(0x21, 0x12, Self.four),
            Self.binary(0x21, 0x41, Self.four), Self.binary(0x21, 0x11, Array(Self.four.dropLast())),
            Self.binary(0x21, 0x21, Self.four), Self.binary(0x21, 0x31, Self.six),
            Self.signature + [0x21, 0x11, 0xff, 0xff],
        ] {
            #expect(Self.read(bytes) == .wrong, "\(bytes)")
        }
        #expect(Self.read(Array("PROXY UNKNOWN ".utf8) + [UInt8](repeating: 120, count: 92)) == .partial)
    }
}

@Suite("A connection counts for the caller behind the proxy")
struct ProxiedConnectionTests {
    private static let left = request("GET", "/remaining_tickets")

    private static func left(for address: String) -> String {
        request("GET", "/remaining_tickets", ["X-Forwarded-For: \(address)"])
    }

    private static func trust(_ configuration: inout ServiceConfiguration) {
        configuration.proxies = TrustedProxies(networks: [([10, 0, 0, 0], 8)])
        configuration.quota = .init(perSecond: 10, burst: 2)
    }

    @Test("Each caller behind a trusted proxy has a bucket; one who only claims to be behind one has its own")
    func quota() throws {
        let store = try CoreStore()
        let proxy = try TestConnection(store, from: "10.0.0.1", Self.trust)
        for address in ["203.0.113.1", "203.0.113.2"] {
            proxy.send(String(repeating: Self.left(for: address), count: 3))
            #expect(proxy.statuses == [200, 200, 429], "\(address)")
        }
        let forger = try TestConnection(store, beside: proxy, from: "192.0.2.1")
        for (address, status) in [("203.0.113.3", 200), ("203.0.113.4", 200), ("203.0.113.5", 429)] {
            forger.send(Self.left(for: address))
            #expect(forger.statuses == [status])
        }
        // What the forger named is as full as before.
        proxy.send(Self.left(for: "203.0.113.5"))
        #expect(proxy.statuses == [200])
    }

    @Test("A trusted proxy has as many connections as it likes; other callers have as many as one may have")
    func connections() throws {
        let store = try CoreStore()
        let first = try TestConnection(store, from: "10.0.0.1") {
            Self.trust(&$0)
            $0.quota = nil
            $0.connectionsOfCaller = 1
            $0.connections = 4
        }
        let second = try TestConnection(store, beside: first, from: "10.0.0.1")
        second.send(Self.left)
        #expect(second.statuses == [200])
        let direct = try TestConnection(store, beside: first, from: "192.0.2.1")
        let beyond = try TestConnection(store, beside: first, from: "192.0.2.1")
        for (connection, status) in [(direct, 200), (beyond, 503)] {
            connection.send(Self.left)
            #expect(connection.statuses == [status])
        }
        // Those of the proxy count among all.
        let third = try TestConnection(store, beside: first, from: "10.0.0.1")
        let fourth = try TestConnection(store, beside: first, from: "10.0.0.1")
        for (connection, status) in [(third, 200), (fourth, 503)] {
            connection.send(Self.left)
            #expect(connection.statuses == [status])
        }
    }

    @Test("With the PROXY protocol a connection counts for the address in its header")
    func proxyHeader() throws {
        let store = try CoreStore()
        func trust(_ configuration: inout ServiceConfiguration) {
            Self.trust(&configuration)
            configuration.proxies?.sendsProxyHeader = true
            configuration.connectionsOfCaller = 1
        }
        let header = "PROXY TCP4 203.0.113.1 10.0.0.1 4711 443\r\n"
        var connections: [TestConnection] = []
        let first = try TestConnection(store, from: "10.0.0.1", trust)
        first.send(header + Self.left + Self.left + Self.left, pieces: 9)
        #expect(first.statuses == [200, 200, 429])
        for (connection, status) in [
            (try TestConnection(store, beside: first, from: "10.0.0.1"), 200),
            (try TestConnection(store, beside: first, from: "10.0.0.1"), 503),
        ] {
            connection.send("PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n")
            connection.send(Self.left)
            #expect(connection.statuses == [status])
            connections.append(connection)
        }
        let other = try TestConnection(store, beside: first, from: "10.0.0.1")
        other.send("PROXY TCP4 203.0.113.2 10.0.0.1 4711 443\r\n" + Self.left(for: "203.0.113.9"))
        #expect(other.statuses == [200])
        // Its header names a proxy that is trusted, too, and whose word about its caller counts.
        let chain = try TestConnection(store, beside: first, from: "10.0.0.1")
        chain.send(
            "PROXY TCP4 10.0.0.2 10.0.0.1 4711 443\r\n" + String(repeating: Self.left(for: "203.0.113.1"), count: 2))
        #expect(chain.statuses == [429, 429])
        // The proxy itself looks whether we live.
        let own = try TestConnection(store, beside: first, from: "10.0.0.1")
        own.send("PROXY UNKNOWN\r\n" + request("GET", "/health/live"))
        #expect(own.statuses == [200])
        // A client that is not trusted begins without a header.
        let direct = try TestConnection(store, beside: first, from: "192.0.2.1")
        direct.send(Self.left)
        #expect(direct.statuses == [200])
        let liar = try TestConnection(store, beside: first, from: "192.0.2.2")
        liar.send(header + Self.left)
        #expect(liar.statuses == [400])
    }

    @Test("A proxy that knows no caller is the sender itself, whatever headers it hands on")
    func unnamed() throws {
        let store = try CoreStore()
        let local = String(decoding: ProxyHeaderTests.binary(0x20, 0, []), as: UTF8.self)
        for header in ["PROXY UNKNOWN\r\n", local] {
            let first = try TestConnection(store, from: "10.0.0.1") {
                Self.trust(&$0)
                $0.proxies?.sendsProxyHeader = true
                $0.connectionsOfCaller = 1
            }
            // The connections of a proxy have no bound of their own.
            let second = try TestConnection(store, beside: first, from: "10.0.0.1")
            for (connection, statuses) in [(first, [200, 200]), (second, [429, 429])] {
                connection.send(header + Self.left(for: "203.0.113.1") + Self.left(for: "203.0.113.2"))
                #expect(connection.statuses == statuses)
            }
        }
    }

    @Test("Who connects to a unix socket is trusted there; who has no address any more is nobody, and is closed")
    func noAddress() throws {
        for sendsHeader in [false, true] {
            func connection(isUnix: Bool) throws -> TestConnection {
                try TestConnection(try CoreStore(), from: nil, isUnix: isUnix) {
                    $0.proxies = TrustedProxies(networks: [], unixSockets: true)
                    $0.proxies?.sendsProxyHeader = sendsHeader
                    $0.quota = .init(perSecond: 10, burst: 1)
                }
            }
            let header = sendsHeader ? "PROXY TCP4 203.0.113.1 10.0.0.1 4711 443\r\n" : ""
            let proxy = try connection(isUnix: true)
            proxy.send(header + Self.left(for: "203.0.113.1"))
            #expect(proxy.statuses == [200])
            let gone = try connection(isUnix: false)
            gone.send(header + Self.left(for: "203.0.113.1"))
            #expect(gone.socket.isClosed && gone.received() == "")
        }
    }

    @Test("A connection that begins with no header, or with half of one and its end, is closed without an answer")
    func brokenHeader() throws {
        func connection() throws -> TestConnection {
            try TestConnection(try CoreStore(), from: "10.0.0.1") {
                Self.trust(&$0)
                $0.proxies?.sendsProxyHeader = true
            }
        }
        let wrong = try connection()
        wrong.send(Self.left)
        #expect(wrong.socket.isClosed && wrong.received() == "")
        let half = try connection()
        half.send("PROXY TCP4 203")
        #expect(!half.socket.isClosed)
        half.closeInput()
        #expect(half.socket.isClosed && half.received() == "")
        // One that says nothing has no request, and is closed as such.
        let silent = try connection()
        silent.pass(70)
        #expect(!silent.socket.isClosed)
        silent.pass(10)
        #expect(silent.socket.isClosed && silent.received() == "")
        // Nor does half a header begin one, however slowly the rest comes.
        let slow = try connection()
        slow.send("PROXY TCP4 203")
        slow.pass(70)
        slow.send(".0.113.1")
        #expect(!slow.socket.isClosed)
        slow.pass(10)
        #expect(slow.socket.isClosed && slow.received() == "")
        let stopped = try connection()
        stopped.stop()
        #expect(stopped.socket.isClosed)
    }
}

import Testing

@testable import Settings

@Suite("Where to listen, whom to trust and how to encrypt is clear, or refused")
struct ListeningTests {
    @Test("An address is a host with a port, perhaps with a scheme, a path of a socket, or the word systemd")
    func addresses() {
        for (text, entry) in [
            ("127.0.0.1:8000", .tcp(host: "127.0.0.1", port: 8_000, isSecure: nil)),
            ("tickets.example:0", .tcp(host: "tickets.example", port: 0, isSecure: nil)),
            ("http://0.0.0.0:80", .tcp(host: "0.0.0.0", port: 80, isSecure: false)),
            ("https://[::]:443", .tcp(host: "::", port: 443, isSecure: true)),
            ("unix:/run/holdfast.sock", .unix(path: "/run/holdfast.sock")), ("systemd", .systemd),
            ("unix:" + String(repeating: "p", count: 107), .unix(path: String(repeating: "p", count: 107))),
        ] as [(String, ListenEntry)] {
            #expect(ListenEntry(text) == entry, "\(text)")
        }
        for text in [
            "", "8000", ":8000", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", "::1:80", "[::1]",
            "[host]:80", "https://", "https://host:443/", "https://host/x:1", "ftp://host:1", "unix:", "Systemd",
            "a b:1",
            "unix:" + String(repeating: "p", count: 108),
        ] {
            #expect(ListenEntry(text) == nil, "\(text)")
        }
    }

    @Test("A trusted proxy is an address, a network or the word unix")
    func proxies() {
        for (text, entry) in [
            ("10.1.2.3", .network(bytes: [10, 1, 2, 3], bits: 32)),
            ("10.0.0.0/8", .network(bytes: [10, 0, 0, 0], bits: 8)),
            ("0.0.0.0/0", .network(bytes: [0, 0, 0, 0], bits: 0)), ("unix", .unix),
            ("fd00::/8", .network(bytes: [0xfd] + [UInt8](repeating: 0, count: 15), bits: 8)),
        ] as [(String, ProxyEntry)] {
            #expect(ProxyEntry(text) == entry, "\(text)")
        }
        for text in [
            "", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/+8", "10.0.0.0/8/8",
            "::/129",
            "proxy.example", "10.0.0.256", " 10.0.0.1", "*", "fe80::1%eth0",
        ] {
            #expect(ProxyEntry(text) == nil, "\(text)")
        }
    }

    @Test("Without a list, host and port say where to listen; with both, the start is refused")
    func lists() throws {
        #expect(try load().listening == [.tcp(host: "127.0.0.1", port: 8_000, isSecure: nil)])
        #expect(try load().listensByDefault)
        #expect(try !load(["port": ["9"]]).listensByDefault)
        let two = try load(file: #"{"listen": ["[::1]:1", "unix:/run/x"]}"#)
        #expect(two.listening == [.tcp(host: "::1", port: 1, isSecure: nil), .unix(path: "/run/x")])
        #expect(try load(environment: ["HOLDFAST_LISTEN": "a:1, b:2"]).listening.count == 2)
        let both = try #require(try refusal(["port": ["9"]], file: #"{"listen": ["a:1"]}"#))
        #expect(
            both.description
                == "listen: a:1 from file config.json says where to listen, and so does port, 9 from flag --port; use one of them"
        )
        #expect(both.exitCode == 64)
        #expect(try load(["port": ["9"]], file: #"{"listen": []}"#).port == 9)
    }

    @Test("A certificate needs its key, an https address a certificate, and the PROXY protocol somebody who speaks it")
    func missing() throws {
        for (flags, missing) in [
            (["tls.certificate": ["a"]], "tls.key: is missing; tls.certificate is set"),
            (["tls.key": ["a"]], "tls.certificate: is missing; tls.key is set"),
            (["listen": ["https://a:1"]], "tls.certificate: is missing; listen has an https:// address"),
            (["proxies.protocol": ["on"]], "proxies.trusted: is missing; proxies.protocol is on"),
        ] as [([Setting: [String]], String)] {
            #expect(try refusal(flags)?.description == missing)
            #expect(try refusal(flags)?.exitCode == 64)
        }
        let whole = try load(["tls.certificate": ["a"], "tls.key": ["b"], "listen": ["https://a:1"]])
        #expect(whole.tls.certificate == "a" && whole.tls.key == "b")
    }

    @Test("Wrong members of lists and modes are refused with what is allowed")
    func wrong() throws {
        for (setting, values, allowed) in [
            ("listen", ["8000"], "a list of at most 16 of HOST:PORT"),
            ("proxies.trusted", ["me"], "addresses (10.0.0.9"),
            ("cors.origins", ["*", "https://a"], "* alone, or a list of at most 100"),
            ("cors.origins", ["https://a/"], "* alone"), ("cors.origins", ["null"], "* alone"),
            ("socket_mode", ["0999"], "three or four octal digits"), ("socket_mode", ["77777"], "octal"),
            ("socket_mode", ["+777"], "octal"), ("proxies.header", ["x-real-ip"], "x-forwarded-for or forwarded"),
        ] as [(Setting, [String], String)] {
            let error = try #require(try refusal([setting: values]), "\(setting.name) \(values)")
            #expect(error.description.contains("allowed: ") && error.description.contains(allowed), "\(error)")
        }
        #expect(try refusal(["listen": Array(repeating: "a:1", count: 17)]) != nil)
    }

    @Test("The values arrive in the fields that are called like them")
    func fields() throws {
        let settings = try load(
            file: """
                {"socket_mode": "0600", "proxies": {"trusted": ["unix", "::1"], "header": "forwarded", "protocol": "on"},
                 "cors": {"origins": ["https://a"]}, "tls": {"certificate": "/c", "key": "/k", "hsts_seconds": 5}}
                """)
        #expect(settings.socketPermissions == 0o600 && settings.cors.origins == ["https://a"])
        #expect(settings.trustedProxies.count == 2 && settings.proxies.header == .forwarded)
        #expect(settings.proxies.proxyProtocol == .on && settings.tls.hstsSeconds == 5)
    }
}

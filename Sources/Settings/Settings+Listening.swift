extension Settings {
    /// Who stands in front of the service.
    public struct Proxies: Sendable, Equatable {
        /// As they are written; ``Settings/trustedProxies`` has what they mean.
        var trusted: [String] = []
        public internal(set) var header = ProxyHeader.xForwardedFor
        public internal(set) var proxyProtocol = Switch.off
    }

    /// The header in which a proxy names the caller.
    public enum ProxyHeader: String, Sendable, CaseIterable {
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    /// On or off.
    public enum Switch: String, Sendable, CaseIterable {
        case off, on
    }

    /// Which pages on other origins may call.
    public struct CORS: Sendable, Equatable {
        public internal(set) var origins: [String] = []
    }

    /// What encrypts connections.
    public struct TLS: Sendable, Equatable {
        public internal(set) var certificate: String?
        public internal(set) var key: String?
        /// Off: a host that promises TLS for a year has to keep it on all its ports.
        public internal(set) var hstsSeconds = 0
    }

    /// Where to listen, from `listen`, or from `host` and `port`.
    public var listening: [ListenEntry] {
        listen.isEmpty ? [.tcp(host: host, port: port, isSecure: nil)] : listen.compactMap(ListenEntry.init)
    }

    /// Whether nobody said where to listen.
    public var listensByDefault: Bool {
        readings.allSatisfy { !["listen", "host", "port"].contains($0.setting.name) || $0.origin == .standard }
    }

    public var trustedProxies: [ProxyEntry] { proxies.trusted.compactMap(ProxyEntry.init) }

    /// The permissions of unix sockets.
    public var socketPermissions: UInt32 {
        guard let mode = UInt32(socketMode, radix: 8) else { preconditionFailure("\(socketMode) was not checked") }
        return mode
    }

    /// Refuses settings that say two things about where and how to listen.
    func checkListening() throws(SettingsError) {
        func given(_ name: String) -> Reading? {
            readings.first { $0.setting.name == name && $0.origin != .standard }
        }
        if let list = given("listen"), !listen.isEmpty, let other = given("host") ?? given("port") {
            throw .contradiction(list, other, "says where to listen, and so does", because: "use one of them")
        }
        for (one, other) in [("tls.certificate", "tls.key"), ("tls.key", "tls.certificate")] {
            if let one = given(one), given(other) == nil {
                throw .missing(other, because: "\(one.setting.name) is set")
            }
        }
        let wantsTLS = listening.contains { if case .tcp(_, _, true) = $0 { true } else { false } }
        if wantsTLS, tls.certificate == nil {
            throw .missing("tls.certificate", because: "listen has an https:// address")
        }
        if proxies.proxyProtocol == .on, proxies.trusted.isEmpty {
            throw .missing("proxies.trusted", because: "proxies.protocol is on")
        }
    }
}

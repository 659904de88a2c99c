internal import BoxOffice
internal import Foundation
internal import Logging
internal import NIOCore
internal import Settings
internal import TicketAPI
internal import TicketStore

extension Settings {
    /// Where to listen. Sockets of systemd take the place of the default address.
    func addresses() throws -> [ListenAddress] {
        let isSecure = tls.certificate != nil
        let inherited = try InheritedSockets.descriptors(ProcessInfo.processInfo.environment, process: getpid())
        let entries = listensByDefault && !inherited.isEmpty ? [.systemd] : listening
        return try entries.flatMap { entry -> [ListenAddress] in
            switch entry {
            case .tcp(let host, let port, let secure):
                return [.tcp(host: host, port: port, isSecure: secure ?? isSecure)]
            case .unix(let path): return [.unix(path: path, mode: socketPermissions)]
            case .systemd:
                guard !inherited.isEmpty else {
                    throw Failure(
                        "listen: systemd has handed over no socket (LISTEN_FDS); start the service by its socket unit",
                        status: Failure.badConfiguration)
                }
                // Who may connect to a unix socket is a proxy on this machine.
                return inherited.map {
                    .inherited($0.descriptor, isSecure: isSecure && !$0.isUnix, isUnix: $0.isUnix)
                }
            }
        }
    }

    /// The proxies that are trusted; `nil` for none.
    var proxyTrust: TrustedProxies? {
        guard !trustedProxies.isEmpty else { return nil }
        let networks = trustedProxies.compactMap { entry -> (bytes: [UInt8], bits: Int)? in
            if case .network(let bytes, let bits) = entry { (bytes, bits) } else { nil }
        }
        var trust = TrustedProxies(networks: networks, unixSockets: trustedProxies.contains(.unix))
        trust.header = proxies.header == .forwarded ? .forwarded : .xForwardedFor
        trust.sendsProxyHeader = proxies.proxyProtocol == .on
        return trust
    }

    /// The certificate; `nil` for a service without TLS.
    func certificates(_ logger: Logger) throws -> TLSCertificates? {
        guard let certificate = tls.certificate, let key = tls.key else { return nil }
        do {
            return try TLSCertificates(
                certificate: certificate, key: key, now: { WallTime(milliseconds: Int64(time(nil)) * 1_000) },
                logger: logger)
        } catch {
            throw Failure(error.description, status: Failure.badConfiguration)
        }
    }
}

/// The sockets that systemd, or another service manager, listens on for us (sd_listen_fds(3)).
enum InheritedSockets {
    /// The first descriptor; the others follow.
    private static let first: CInt = 3
    /// More come from a mistake.
    private static let most = 16

    /// - Parameter process: sockets are for the process that the environment names.
    static func descriptors(
        _ environment: [String: String], process: pid_t
    ) throws -> [(descriptor: CInt, isUnix: Bool)] {
        guard let wanted = environment["LISTEN_PID"].flatMap({ pid_t($0) }), wanted == process,
            let count = environment["LISTEN_FDS"].flatMap({ Int($0) }), count > 0
        else { return [] }
        guard count <= most else {
            throw Failure("LISTEN_FDS: at most \(most) sockets, not \(count)", status: Failure.badConfiguration)
        }
        return try (0..<CInt(count)).map { number in
            let descriptor = first + number
            var listens: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0, listens != 0 else {
                throw Failure(
                    "LISTEN_FDS: descriptor \(descriptor) is not a socket that listens; use Accept=no in the socket unit",
                    status: Failure.badConfiguration)
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var address = sockaddr_storage()
            length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let isKnown = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(descriptor, $0, &length) == 0
                }
            }
            // Read by its offset: which of several C modules its name is from, the compiler does not always say the same.
            #if canImport(Darwin)
                let offset = 1
            #else
                let offset = 0
            #endif
            let family = withUnsafeBytes(of: address) { $0.loadUnaligned(fromByteOffset: offset, as: sa_family_t.self) }
            return (descriptor, isKnown && family == sa_family_t(AF_UNIX))
        }
    }
}

/// Why a service cannot listen.
enum ListenError {
    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError where error.errnoCode == EADDRINUSE:
            "another process listens there; stop it, or choose another port"
        case let error as IOError where error.errnoCode == EACCES:
            "this user may not listen on that port; choose one from 1024 up"
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL: "this machine does not have that address"
        case UnixSocketError.inUse: "another process listens there; stop it, or choose another path"
        case UnixSocketError.otherFile: "there is another file at that path, which is not a socket"
        case UnixSocketError.pathTooLong(let most): "a socket's path has at most \(most) bytes"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case is SocketAddressError, is SocketAddressError.UnknownHost: "there is no such host"
        default: "\(error)"
        }
    }
}

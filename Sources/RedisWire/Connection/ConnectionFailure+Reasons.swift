internal import CLibrary
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

extension ConnectionFailure {
    /// - Parameters:
    ///   - error: of the network.
    ///   - isOpening: whether the connection was not open yet, TLS included.
    init(_ error: any Error, isOpening: Bool) {
        switch error {
        case let failure as ConnectionFailure: self = failure
        case let refused as NIOConnectionError:
            let tried = refused.connectionErrors.first.map { Self.words($0.error, at: Self.text($0.target)) }
            self = .unreachable(tried ?? "the name \(refused.host) has no address")
        case ChannelError.connectTimeout: self = .unreachable("no connection in time")
        // A server that is killed does not close TLS.
        case NIOSSLError.uncleanShutdown where !isOpening: self = .closed
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: self = .tlsRefused("\(error)")
        case let error as IOError where isOpening: self = .unreachable(Self.words(error, at: "there"))
        default: self = .closed
        }
    }

    /// What went wrong at an address, in words for people; the words of the network library are for programmers.
    private static func words(_ error: any Error, at address: String) -> String {
        switch error {
        case ChannelError.connectTimeout: return "nobody answers at \(address)"
        case let error as IOError:
            switch error.errnoCode {
            case ECONNREFUSED: return "nobody listens at \(address)"
            case ETIMEDOUT: return "nobody answers at \(address)"
            case EHOSTUNREACH, ENETUNREACH: return "no network leads to \(address)"
            default: return "\(address): \(String(cString: strerror(error.errnoCode)))"
            }
        default: return "\(address): \(error)"
        }
    }

    private static func text(_ address: SocketAddress) -> String {
        guard let ip = address.ipAddress, let port = address.port else { return "\(address)" }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}

extension RedisConfiguration.TLS {
    /// Made once for all connections: reading the certificates takes milliseconds.
    func context() throws(ConnectionFailure) -> NIOSSLContext {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .fullVerification
        // Older versions are broken (RFC 8996); Redis speaks 1.2 since it speaks TLS.
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.trustRoots = .file(authorities) }
        do {
            return try NIOSSLContext(configuration: tls)
        } catch {
            throw .tlsRefused("the certificates of authorities cannot be read: \(error)")
        }
    }
}

extension RedisConfiguration.Password {
    /// Bytes of a password file.
    static let longest = 4096

    /// The password itself. A file is read on the event loop: it is small, and read only to connect.
    func read() throws(ConnectionFailure) -> String {
        let path: String
        switch self {
        case .text(let text): return text
        case .file(let file): path = file
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .passwordUnreadable(String(cString: strerror(errno))) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.longest + 1)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes {
                readSome(file, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw .passwordUnreadable(String(cString: strerror(errno))) }
            if more == 0 { break }
            count += more
        }
        guard count <= Self.longest else { throw .passwordUnreadable("longer than \(Self.longest) bytes") }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !line.isEmpty else { throw .passwordUnreadable("nothing in the first line") }
        return String(decoding: line, as: UTF8.self)
    }
}

/// `read(2)` by another name: inside the type, its own `read` hides it.
private func readSome(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, buffer, count)
}

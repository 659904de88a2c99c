internal import NIOCore
internal import NIOHTTP1
internal import NIOTLS

extension FastPathHandler {
    func origin(of address: InternetAddress?) -> ConnectionOrigin {
        ConnectionOrigin(RequestSender(address, isSecure: isSecure), loop.configuration.proxies)
    }

    /// Whether the other end was gone before its connection was accepted. Then nobody knows its address, which must not be
    /// taken for a unix socket's lack of one.
    func hasLeft(_ channel: any Channel) -> Bool {
        !isUnix && InternetAddress(channel.remoteAddress) == nil
    }

    /// A trusted proxy says that it connects for this address; `nil` for a unix socket.
    func setPeer(_ address: InternetAddress?) {
        origin = origin(of: address)
    }

    /// A trusted proxy says that it connects for itself, or does not know for whom.
    func setPeerUnnamed() {
        origin = origin.unnamed
    }

    /// Who sends a request (R60 Callers behind proxies).
    func sender(of head: HTTPRequestHead) -> RequestSender {
        guard origin.isTrusted, let proxies = loop.configuration.proxies else { return origin.sender }
        return proxies.sender(of: head.headers, over: origin.sender)
    }

    /// Whether TLS should have been agreed by now: a client has as long for it as for a request.
    var isHandshakeLate: Bool {
        handshakeBegan.map { loop.tick - $0 > loop.patience.request } ?? false
    }

    func noteHandshake(_ event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { handshakeBegan = nil }
    }
}

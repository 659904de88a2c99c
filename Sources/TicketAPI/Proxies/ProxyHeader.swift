package import NIOCore

/// What the header of the PROXY protocol says, with which a proxy begins a connection that it hands on
/// (haproxy.org, "The PROXY protocol, versions 1 and 2").
package enum ProxyHeader: Equatable, Sendable {
    /// The proxy itself connects, to see whether we live, or does not know for whom it does.
    case own
    /// The proxy connects for this address; `nil` for a unix socket.
    case behalf(of: InternetAddress?)

    package enum Reading: Equatable, Sendable {
        /// More bytes are needed.
        case partial
        /// It is none.
        case wrong
        /// With the header's length.
        case whole(ProxyHeader, length: Int)
    }

    /// The longest line of version 1, with its end.
    package static let mostBytesOfLine = 107
    /// The longest header of version 2 that is read. What follows the addresses is not looked at, and may contain
    /// certificates.
    package static let mostBytes = 4_096

    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    private static let word = Array("PROXY ".utf8)

    /// Reads the header at the beginning of what a proxy sent.
    package static func read(_ bytes: ByteBufferView) -> Reading {
        if bytes.starts(with: signature) { return readBinary(bytes) }
        if bytes.starts(with: word) { return readLine(bytes) }
        let isBeginning = signature.starts(with: bytes) || word.starts(with: bytes)
        return isBeginning ? .partial : .wrong
    }

    /// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.9 4711 443`.
    private static func readLine(_ bytes: ByteBufferView) -> Reading {
        let line = bytes.prefix(mostBytesOfLine)
        guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else {
            return line.count < mostBytesOfLine ? .partial : .wrong
        }
        guard end > line.startIndex, line[end - 1] == UInt8(ascii: "\r") else { return .wrong }
        let length = end + 1 - line.startIndex
        let words = line[..<(end - 1)].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        // What else a line says that knows no address is not looked at.
        if words[1] == "UNKNOWN" { return .whole(.own, length: length) }
        guard words.count == 6, let source = InternetAddress(words[2]), InternetAddress(words[3]) != nil,
            UInt16(words[4]) != nil, UInt16(words[5]) != nil
        else { return .wrong }
        switch words[1] {
        case "TCP4" where !words[2].contains(":") && !words[3].contains(":"),
            "TCP6" where words[2].contains(":") && words[3].contains(":"):
            return .whole(.behalf(of: source), length: length)
        default: return .wrong
        }
    }

    /// Version 2: the signature, version and command, family and transport, the length of the rest, the addresses.
    private static func readBinary(_ bytes: ByteBufferView) -> Reading {
        let start = bytes.startIndex + signature.count
        guard bytes.count >= signature.count + 4 else { return .partial }
        let (command, family) = (bytes[start], bytes[start + 1])
        let rest = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
        let length = signature.count + 4 + rest
        guard command == 0x20 || command == 0x21, length <= mostBytes else { return .wrong }
        guard bytes.count >= length else { return .partial }
        // 0x20 is LOCAL. A proxy that says no family knows no address.
        if command == 0x20 || family >> 4 == 0 { return .whole(.own, length: length) }
        guard family & 0xf == 1 else { return .wrong }
        let addresses = bytes[(start + 4)..<(start + 4 + rest)]
        switch family >> 4 {
        case 1 where rest >= 12:
            return .whole(.behalf(of: InternetAddress(bytes: addresses.prefix(4))), length: length)
        case 2 where rest >= 36:
            return .whole(.behalf(of: InternetAddress(bytes: addresses.prefix(16))), length: length)
        case 3 where rest >= 216: return .whole(.behalf(of: nil), length: length)
        default: return .wrong
        }
    }
}

/// Reads the header of the PROXY protocol in front of everything else, and leaves.
///
/// Until then the connection is not active for the handlers behind it, so it is counted for the caller that the header
/// names. Only trusted proxies get that far: other connections begin without a header. One that ends in the middle of a
/// header, or begins with something else, is closed without an answer, as the protocol demands.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let proxies: TrustedProxies
    private let handler: FastPathHandler
    private var bytes = ByteBuffer()
    private var isRead = false

    init(_ proxies: TrustedProxies, _ handler: FastPathHandler) {
        self.proxies = proxies
        self.handler = handler
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !handler.hasLeft(context.channel) else { return context.close(mode: .all, promise: nil) }
        if proxies.trusts(InternetAddress(context.channel.remoteAddress)) { return context.read() }
        leave(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRead else { return context.fireChannelRead(data) }
        bytes.writeImmutableBuffer(unwrapInboundIn(data))
        switch ProxyHeader.read(bytes.readableBytesView) {
        case .partial: break
        case .wrong: context.close(mode: .all, promise: nil)
        case .whole(let header, let length):
            bytes.moveReaderIndex(forwardBy: length)
            switch header {
            case .own: handler.setPeerUnnamed()
            case .behalf(let address): handler.setPeer(address)
            }
            leave(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isRead { context.fireChannelReadComplete() } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isRead, case ChannelEvent.inputClosed = event { return context.close(mode: .all, promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func leave(_ context: ChannelHandlerContext) {
        isRead = true
        let rest = bytes
        bytes = ByteBuffer()
        context.fireChannelActive()
        if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

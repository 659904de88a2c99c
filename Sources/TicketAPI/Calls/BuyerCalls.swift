internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// What requests for a hold and about it ask for, and what they are answered. The fast path and the router both go by
/// this, so that it is all the same to a caller who answered.
struct BuyerCalls: Sendable {
    let reader: RequestReader
    let mint: TokenMint

    /// Places, for anyone.
    func hold(in event: Code, _ fields: BuyerFields, _ body: ByteBuffer) throws(Refused) -> Command {
        guard let header = fields.idempotencyKey else { throw Refused(.keyMissing) }
        let asked = try read(body, fields)
        let key = reader.keys.digest(
            try Self.key(header, fields), in: .holding(event, asked.buyer), of: fields.keyOwner)
        return .hold(HoldRequest(event: event, lines: asked.lines, buyer: asked.buyer, key: key))
    }

    /// As nearly everybody writes it, or by the reader that knows every way and every mistake.
    private func read(_ body: ByteBuffer, _ fields: BuyerFields) throws(Refused) -> BuyerRequests.Hold {
        if fields.contentType == "application/json", let plain = body.withUnsafeReadableBytes(PlainHold.read) {
            return plain
        }
        return try reader.read(body, as: BuyerRequests.hold, fields.contentType, whenEmpty: nil)
    }

    /// - Parameter id: whose token came with the request.
    func extend(_ id: HoldID, _ fields: BuyerFields, _ body: ByteBuffer) throws(Refused) -> Command {
        _ = try reader.read(body, as: BuyerRequests.nothing, fields.contentType, whenEmpty: true)
        guard let header = fields.idempotencyKey else { return .extend(id) }
        let key = reader.keys.digest(try Self.key(header, fields), in: .extending(id), of: fields.keyOwner)
        return .extend(id, key: key)
    }

    /// - Parameters:
    ///   - id: whose token came with the request, or that a key may complete.
    ///   - completer: which of the two.
    func purchase(
        _ id: HoldID, _ fields: BuyerFields, _ body: ByteBuffer, by completer: Completer
    ) throws(Refused) -> Command {
        let asked = try reader.read(
            body, as: BuyerRequests.purchase, fields.contentType, whenEmpty: BuyerRequests.Purchase())
        // A purchase is told by its payment; its key only has to be one.
        if let header = fields.idempotencyKey { _ = try Self.key(header, fields) }
        return .purchase(id, asked.payment, by: completer)
    }

    private static func key(_ header: String, _ fields: BuyerFields) throws(Refused) -> KeyText {
        try RequestReader.key(header, isAnonymous: !fields.isOperators)
    }

    /// The hold that a path names, if the token is its own. A wrong token and an unknown hold get the same answer.
    func hold(named name: HoldID?, _ fields: BuyerFields) throws(Refused) -> HoldID {
        guard var header = fields.authorization else { throw Refused.unauthenticated() }
        let mint = mint
        let (isBearer, proven) = header.withUTF8 { header in
            let credential = BearerCredential(header)
            return (credential != nil, credential.flatMap { mint.hold(of: $0.bytes) })
        }
        guard isBearer else { throw Refused.unauthenticated() }
        guard let proven, proven == name else { throw Refused(.unknownHold) }
        return proven
    }
}

/// The headers that buyers' calls depend on. One that came several times is one with commas (RFC 9110, 5.3).
struct BuyerFields: Sendable {
    private(set) var authorization: String?
    private(set) var contentType: String?
    private(set) var idempotencyKey: String?
    private(set) var ifNoneMatch: String?
    private(set) var traceparent: String?

    init(_ fields: HTTPFields) {
        authorization = fields[.authorization]
        contentType = fields[.contentType]
        idempotencyKey = fields[.idempotencyKey]
        ifNoneMatch = fields[.ifNoneMatch]
        traceparent = fields[.traceparent]
    }

    /// In one walk, by length first: most headers are none of these, and their names are not looked at.
    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 11 where name.isASCII("traceparent"): Self.add(value, to: &traceparent)
            case 12 where name.isASCII("content-type"): Self.add(value, to: &contentType)
            case 13 where name.isASCII("authorization"): Self.add(value, to: &authorization)
            case 13 where name.isASCII("if-none-match"): Self.add(value, to: &ifNoneMatch)
            case 15 where name.isASCII("idempotency-key"): Self.add(value, to: &idempotencyKey)
            default: break
            }
        }
    }

    /// The decoder leaves the blanks behind a value, which do not belong to it.
    static func add(_ value: String, to field: inout String?) {
        var value = value
        while let last = value.utf8.last, last == UInt8(ascii: " ") || last == UInt8(ascii: "\t") { value.removeLast() }
        field = field.map { "\($0), \(value)" } ?? value
    }

    /// The trace that the caller says the request belongs to (W3C trace context), so that both sides can find it.
    var traceID: String? {
        guard let traceparent else { return nil }
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        let isHex = { (text: Substring) in text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } }
        guard parts.count >= 4, parts[1].utf8.count == 32, isHex(parts[1]), parts[1].contains(where: { $0 != "0" })
        else { return nil }
        return String(parts[1])
    }

    /// Whose keys the caller's are: those of the operator's key that came along, or everybody's.
    var keyOwner: String { isOperators ? authorization ?? "" : "" }

    /// Whether the credential is written as a key, and not as a hold's token.
    var isOperators: Bool { key != nil }

    /// The credential, if it is written as a key.
    var key: String? {
        guard var authorization else { return nil }
        return authorization.withUTF8 { header in
            guard let credential = BearerCredential(header), credential.bytes.begins(with: "hfk_") else { return nil }
            return String(decoding: credential.bytes, as: UTF8.self)
        }
    }

    /// The same of headers of which nothing else is wanted.
    static func key(in headers: HTTPHeaders) -> String? {
        for (name, value) in headers where name.utf8.count == 13 && name.isASCII("authorization") {
            var fields = BuyerFields([:] as HTTPFields)
            add(value, to: &fields.authorization)
            return fields.key
        }
        return nil
    }
}

/// What stands behind `Bearer` in an `Authorization`.
struct BearerCredential {
    let bytes: UnsafeBufferPointer<UInt8>

    /// `nil` if the scheme is another one, or nothing follows it.
    init?(_ header: UnsafeBufferPointer<UInt8>) {
        guard let start = header.firstIndex(where: { $0 != UInt8(ascii: " ") }) else { return nil }
        let text = UnsafeBufferPointer(rebasing: header[start...])
        let scheme = "bearer " as StaticString
        guard text.count > scheme.utf8CodeUnitCount else { return nil }
        for position in 0..<scheme.utf8CodeUnitCount {
            let byte = text[position]
            let small = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
            guard small == scheme.utf8Start[position] else { return nil }
        }
        bytes = UnsafeBufferPointer(rebasing: text[scheme.utf8CodeUnitCount...])
    }
}

/// A positive answer about a hold.
struct HoldAnswer {
    private let hold: HoldView
    private let moment: Moment
    /// It was just given: only then its token is told, and where it is found.
    let isNew: Bool
    /// The same was answered before.
    let isReplay: Bool
    private let isLate: Bool

    /// - Throws: what was refused, or failed.
    init(_ reply: StoreReply) throws(Refused) {
        switch reply {
        case .failed(let failure): throw Refused(failure)
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(.held(let hold, let replayed), let moment):
            self.init(hold, moment, isNew: true, isReplay: replayed)
        case .decided(.extended(let hold, let replayed), let moment): self.init(hold, moment, isReplay: replayed)
        case .decided(.released(let hold, _), let moment), .decided(.looked(let hold), let moment):
            self.init(hold, moment)
        case .decided(.purchased(let hold, let late, let repeated), let moment):
            self.init(hold, moment, isReplay: repeated, isLate: late)
        case .decided(.returned, _), .decided(.paidBack, _), .decided(.eventChanged, _), .decided(.eventRemoved, _):
            preconditionFailure("a command gets an outcome of its own kind, not \(reply)")
        }
    }

    private init(
        _ hold: HoldView, _ moment: Moment, isNew: Bool = false, isReplay: Bool = false, isLate: Bool = false
    ) {
        self.hold = hold
        self.moment = moment
        self.isNew = isNew
        self.isReplay = isReplay
        self.isLate = isLate
    }

    var event: UInt32 { hold.event }
    var status: Int { isNew ? 201 : 200 }
    var location: String { String(buffer: .written(writeLocation)) }
    var tag: String { String(buffer: .written(writeTag)) }

    func writeLocation(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("/v1/holds/H")
        buffer.writeDecimal(Int(truncatingIfNeeded: hold.id.number))
    }

    func writeTag(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"")
        buffer.writeString(hold.state.rawValue)
        buffer.writeStaticString("-")
        buffer.writeDecimal(Int(hold.expiresAt.milliseconds))
        buffer.writeStaticString("-")
        buffer.writeDecimal(max(0, hold.extensionsRemaining))
        buffer.writeStaticString("\"")
    }

    /// - Parameter catalogue: of the hold's event.
    func writeBody(
        _ catalogue: EventCatalogue, _ mint: TokenMint, _ texts: inout HoldTexts, to buffer: inout ByteBuffer
    ) {
        BuyerDocuments.write(
            hold, of: catalogue, at: moment, tokenFrom: isNew ? mint : nil, isLate: isLate, &texts, to: &buffer)
    }
}

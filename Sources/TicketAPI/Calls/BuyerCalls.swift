internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// The commands that buyers' requests lead to. The fast path and the router share them, so that their answers are the same.
struct BuyerCalls: Sendable {
    let reader: RequestReader
    let mint: TokenMint
    let queues: QueueDirectory

    /// A hold of places, for any caller.
    ///
    /// - Parameter refusal: why the caller may neither draw on places that are kept back nor go past checks of the sale;
    ///   `nil` if the caller may.
    func hold(
        in event: Code, _ fields: BuyerFields, _ body: ByteBuffer, refusingPrivileges refusal: Refused?
    ) throws(Refused) -> Command {
        guard let header = fields.idempotencyKey else { throw Refused(.keyMissing) }
        let asked = try read(body, fields, refusal)
        let key = reader.keys.digest(
            try Self.key(header, fields), in: .holding(event, asked.buyer), of: fields.keyOwner)
        let code = asked.code.map { find($0, in: event) }
        var request = HoldRequest(
            event: event, lines: asked.lines, buyer: asked.buyer, key: key, override: asked.override, code: code)
        // A pass that is none of this queue is no pass, and the store says so in the order of all refusals.
        if let pass = fields.queuePass { request.pass = try? queues.pass(pass, for: event) }
        return .hold(request)
    }

    /// The access code with this text (R46 Access codes). If there is none, a code that no event has: so the store refuses it
    /// in the order of all refusals.
    private func find(_ text: String, in event: Code) -> AccessCode {
        let batches = reader.store.event(event)?.definition.codes ?? []
        let found = mint.codes.find(text, among: batches, of: event)
        return AccessCode(
            batch: found?.batch ?? event, number: found?.number ?? 0, text: AccessCodeMint.plainText(of: text))
    }

    /// Reads the common form quickly, and any other form with the complete reader, which names every mistake.
    private func read(
        _ body: ByteBuffer, _ fields: BuyerFields, _ refusal: Refused?
    ) throws(Refused) -> BuyerRequests.Hold {
        if fields.contentType == "application/json", let plain = body.withUnsafeReadableBytes(PlainHold.read) {
            return plain
        }
        let asked = try reader.read(body, as: BuyerRequests.hold, fields.contentType, whenEmpty: nil)
        if let refusal, asked.needsKey { throw refusal }
        return asked
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
        // The payment identifies a purchase; its key only has to be well formed (R16 Completion without a key).
        if let header = fields.idempotencyKey { _ = try Self.key(header, fields) }
        return .purchase(id, asked.payment, by: completer)
    }

    private static func key(_ header: String, _ fields: BuyerFields) throws(Refused) -> KeyText {
        try RequestReader.key(header, isAnonymous: !fields.isOperators)
    }

    /// The hold that a path names, if the token belongs to it. A wrong token and an unknown hold get the same answer
    /// (R20 Tokens).
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

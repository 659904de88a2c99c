internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// Writes commands as the functions read them (`Lua/batch.lua`).
enum CommandWriter {
    /// - Parameter buyer: who holds with a pass, as a queue keeps buyers.
    static func write(_ request: HoldRequest, buyer: BuyerDigest? = nil, to bytes: inout ByteBuffer) {
        bytes.writeInteger(CommandCode.hold.rawValue)
        bytes.writeInteger(
            flag(.buyer, if: request.buyer != nil) | flag(.key, if: request.key != nil)
                | flag(.override, if: !request.override.isEmpty) | flag(.code, if: request.code != nil)
                | (request.pass == nil ? 0 : HoldFlag.pass.rawValue))
        write(request.lines, to: &bytes)
        if let buyer = request.buyer { bytes.writePacked(short: buyer.text) }
        if let key = request.key { write(key, request.fingerprint, to: &bytes) }
        if !request.override.isEmpty { bytes.writeInteger(request.override.rawValue) }
        if let code = request.code {
            bytes.writePacked(short: code.batch.text)
            bytes.writeInteger(UInt16(clamping: code.number), endianness: .little)
        }
        if let pass = request.pass {
            bytes.writePacked(UInt64(pass.number.value))
            bytes.writePacked(UInt64(pass.position))
            bytes.writePacked(Double(pass.joinedAt.milliseconds))
            write(buyer, to: &bytes)
        }
    }

    static func writeExtend(_ id: HoldID, key: IdempotencyKey?, to bytes: inout ByteBuffer) {
        begin(.extend, id, to: &bytes)
        bytes.writeInteger(flag(.key, if: key != nil))
        if let key { write(key, Fingerprint.ofExtending(id), to: &bytes) }
    }

    static func writeRelease(_ id: HoldID, to bytes: inout ByteBuffer) {
        begin(.release, id, to: &bytes)
    }

    /// - Parameter elsewhere: what the payment was used for in another event.
    static func writePurchase(
        _ id: HoldID, _ payment: PaymentReference?, by completer: Completer, elsewhere: PaymentUse, claim: UInt64?,
        to bytes: inout ByteBuffer
    ) {
        begin(.purchase, id, to: &bytes)
        write(payment?.text ?? "", elsewhere, claim, isByKey: completer.isKey, to: &bytes)
        guard completer.isKey else { return }
        let isShop = if case .seller(_, isShop: true) = completer { true } else { false }
        bytes.writeInteger(isShop ? 1 as UInt8 : 0)
        bytes.writePacked(long: completer.seller?.text ?? "")
    }

    static func writePayBack(
        _ id: HoldID, _ payment: PaymentReference, elsewhere: PaymentUse, claim: UInt64?, to bytes: inout ByteBuffer
    ) {
        begin(.payBack, id, to: &bytes)
        write(payment.text, elsewhere, claim, isByKey: true, to: &bytes)
    }

    static func writeReturn(_ id: HoldID, to bytes: inout ByteBuffer) {
        begin(.giveBack, id, to: &bytes)
    }

    static func writeReturn(_ asked: PartReturn, of id: HoldID, to bytes: inout ByteBuffer) {
        begin(.returnPart, id, to: &bytes)
        bytes.writeInteger(UInt8(clamping: asked.lines.count))
        for line in asked.lines {
            bytes.writePacked(short: line.type.text)
            bytes.writeInteger(Int32(clamping: line.quantity), endianness: .little)
        }
        write(asked.key, asked.fingerprint, to: &bytes)
    }

    static func writeCorrect(_ asked: Correction, of id: HoldID, to bytes: inout ByteBuffer) {
        begin(.correct, id, to: &bytes)
        bytes.writeInteger(flag(.onlyPurchase, if: asked.onlyPurchase))
        for state in [asked.from, asked.to] {
            bytes.writePacked(short: state.buyer?.text ?? "")
            bytes.writePacked(long: state.note?.text ?? "")
        }
    }

    /// - Parameter secret: under which erased payments get their names.
    static func writeErase(_ request: ErasureRequest, secret: [UInt8], to bytes: inout ByteBuffer) {
        begin(.erase, request.hold, to: &bytes)
        bytes.writeInteger(
            (request.onlyPurchase ? ErasureFlag.onlyPurchase.rawValue : 0)
                | (request.isTrial ? ErasureFlag.isTrial.rawValue : 0))
        bytes.writeInteger(UInt8(clamping: secret.count))
        bytes.writeBytes(secret)
        // As the audit names the hold: H and P before it.
        bytes.writePacked(short: "\((request.knownAs ?? request.hold).number)")
    }

    static func writeLook(_ id: HoldID, to bytes: inout ByteBuffer) {
        begin(.look, id, to: &bytes)
    }

    /// Inserts an operator's note into the command that begins at `start`.
    static func add(_ note: AuditNote, at start: Int, to bytes: inout ByteBuffer) {
        guard let code: UInt8 = bytes.getInteger(at: start),
            let rest = bytes.getSlice(at: start + 1, length: bytes.writerIndex - start - 1)
        else { return }
        let note = packed(note)
        bytes.moveWriterIndex(to: start)
        bytes.writeInteger(code | CommandFlag.note.rawValue)
        bytes.writeInteger(UInt16(clamping: note.readableBytes), endianness: .little)
        bytes.writeImmutableBuffer(note)
        bytes.writeImmutableBuffer(rest)
    }

    /// A note as it is kept. Each of its texts is cut at a length that no real one has.
    static func packed(_ note: AuditNote) -> ByteBuffer {
        var bytes = ByteBuffer()
        for text in [note.key, note.name, note.action, note.subject] {
            bytes.writePacked(long: text.utf8.count <= 4_096 ? text : String(text.prefix(1_024)))
        }
        // An earlier release wrote no more than that.
        if note.reason == nil, note.differences.isEmpty, note.leftOut == 0 { return bytes }
        bytes.writePacked(long: note.reason ?? "")
        bytes.writePacked(long: note.differencesText ?? "")
        bytes.writePacked(UInt64(note.leftOut))
        return bytes
    }

    private static func flag(_ flag: CommandFlag, if isTrue: Bool) -> UInt8 {
        isTrue ? flag.rawValue : 0
    }

    private static func write(
        _ payment: String, _ elsewhere: PaymentUse, _ claim: UInt64?, isByKey: Bool, to bytes: inout ByteBuffer
    ) {
        bytes.writeInteger(flag(.claim, if: claim != nil) | flag(.byKey, if: isByKey))
        bytes.writeInteger(elsewhere.rawValue)
        bytes.writePacked(short: payment)
        if let claim { bytes.writePacked(claim) }
    }

    private static func begin(_ code: CommandCode, _ id: HoldID, to bytes: inout ByteBuffer) {
        bytes.writeInteger(code.rawValue)
        bytes.writePacked(id.numberWithinEvent)
    }

    /// With their length first, so that the functions see by the bytes which holds ask for the same lines.
    private static func write(_ lines: OneOrMore<Line>, to bytes: inout ByteBuffer) {
        let start = bytes.writerIndex
        bytes.writeInteger(UInt16(0))
        // More lines than a byte can count are refused just as 255 lines are.
        let lines = lines.prefix(255)
        bytes.writeInteger(UInt8(clamping: lines.count))
        for line in lines {
            bytes.writePacked(short: line.type.text)
            // A number beyond 32 bits is refused just as the nearest number within them.
            bytes.writeInteger(Int32(clamping: line.quantity), endianness: .little)
            bytes.writeInteger(Int32(clamping: line.minimum), endianness: .little)
        }
        bytes.setInteger(UInt16(bytes.writerIndex - start - 2), at: start, endianness: .little)
    }

    private static func write(_ key: IdempotencyKey, _ print: UInt64, to bytes: inout ByteBuffer) {
        bytes.writeInteger(print)
        // A text of 16 bytes, with its length first like other texts.
        bytes.writeInteger(UInt16(16), endianness: .little)
        bytes.writeInteger(key.high)
        bytes.writeInteger(key.low)
    }
}

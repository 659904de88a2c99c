package import BoxOffice
internal import Cryptography
internal import TicketStore

/// Which queue numbers belong to: an event may be removed and defined again, and then has another queue.
package struct QueueName: Hashable, Sendable {
    package var event: Code
    /// What the queue published of its secret when it opened (Q3 Draw); no two queues have the same.
    package var commitment: [UInt8]

    package init(event: Code, commitment: [UInt8]) {
        self.event = event
        self.commitment = commitment
    }
}

/// A place in a queue, as its token proves it (Q2 Numbers).
package struct SignedEntry: Hashable, Sendable {
    package var number: UInt32
    package var joinedAt: WallTime

    package init(number: UInt32, joinedAt: WallTime) {
        self.number = number
        self.joinedAt = joinedAt
    }

    /// The name in paths: `E17.main`.
    package func name(in event: Code) -> String { "E\(number).\(event)" }

    /// The number and the event that a path names; `nil` if it cannot be such a name.
    package static func read(_ name: String) -> (number: UInt32, event: Code)? {
        let bytes = name.utf8
        guard bytes.first == UInt8(ascii: "E"), let dot = bytes.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let digits = bytes[bytes.index(after: bytes.startIndex)..<dot]
        // Each number is written in one way.
        guard digits.first != UInt8(ascii: "0") || digits.count == 1,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = UInt32(Substring(digits)), let event = Code(String(name[bytes.index(after: dot)...]))
        else { return nil }
        return (number, event)
    }
}

/// What a pass lets its owner do: hold places of the event until `end` (Q6 Pass).
package struct SignedPass: Hashable, Sendable {
    package var number: UInt32
    package var position: UInt32
    /// As the entry's token has it.
    package var joinedAt: WallTime
    /// On the store's clock.
    package var end: Timestamp

    package init(_ entry: SignedEntry, position: UInt32, end: Timestamp) {
        number = entry.number
        joinedAt = entry.joinedAt
        self.position = position
        self.end = end
    }
}

/// Makes and checks what people in a queue carry: tokens of entries, passes, and receipts (Q2 Numbers, Q6 Pass).
///
/// Tokens and passes are signatures and no stored secrets, as the tokens of holds are: 1 byte key number, what they say, and the
/// first 16 bytes of SHA-256 over the secret, the length of the rest, it, the queue's commitment and the event, in base64url. So a
/// look asks no store. Why that is a signature, ``KeyDigester`` says; HMAC would hash twice for the same, and there is a look
/// of each entry every minute. Receipts are signed with Ed25519, because anybody must be able to check one.
package struct QueueMint: Sendable {
    private static let tokenPurpose = Array("holdfast queue token 1".utf8)
    private static let receiptPurpose = Array("holdfast queue receipt 1".utf8)
    private static let tagBytes = 16
    /// Each text is a whole number of groups of three bytes.
    private static let tokenBytes = 1 + 4 + 6 + tagBytes
    private static let passBytes = 1 + 4 + 4 + 6 + 8 + tagBytes
    /// Characters of a token and of a pass.
    package static let tokenLength = tokenBytes / 3 * 4
    package static let passLength = passBytes / 3 * 4

    private enum Kind: UInt8 {
        case token, pass

        var bytes: Int { self == .token ? tokenBytes : passBytes }
    }

    private typealias Bytes = UnsafeRawBufferPointer

    private let current: UInt8
    /// By key number.
    private let keys: [[UInt8]?]
    private let signer: Ed25519
    /// Public keys of receipts in hexadecimal digits, the one that signs now first. Those of earlier token keys follow, so that
    /// a receipt can be checked after a key was rotated.
    package let receiptKeys: [String]

    /// - Parameters:
    ///   - keys: those that sign tokens of holds; the last one signs, all are accepted.
    ///   - ledger: the identity of the ledger.
    init(keys: [TokenKey], ledger: [UInt8]) {
        guard let last = keys.last else { preconditionFailure("tokens need a key") }
        current = last.number
        var derived = [[UInt8]?](repeating: nil, count: 256)
        for key in keys {
            derived[Int(key.number)] = SHA256.derivedKey(from: key.secret, salt: ledger, purpose: Self.tokenPurpose)
        }
        self.keys = derived
        let signers = keys.reversed().map {
            Ed25519(seed: SHA256.derivedKey(from: $0.secret, salt: ledger, purpose: Self.receiptPurpose))
        }
        signer = signers[0]
        receiptKeys = signers.map { $0.publicKey.hexDigits }
    }

    // MARK: Tokens

    package func token(of entry: SignedEntry, in queue: QueueName) -> String {
        text(.token, queue) { said in
            said.write(UInt64(entry.number), 4)
            said.write(UInt64(clamping: entry.joinedAt.milliseconds), 6)
        }
    }

    /// The entry that `token` is for; `nil` if it was not made here for this queue, whatever is wrong with it.
    package func entry(of token: String, in queue: QueueName) -> SignedEntry? {
        var token = token
        return token.withUTF8 { entry(of: $0, in: queue) }
    }

    /// The same for bytes.
    func entry(of token: UnsafeBufferPointer<UInt8>, in queue: QueueName) -> SignedEntry? {
        said(by: token, .token, queue) { said in
            SignedEntry(
                number: UInt32(Self.number(said, 0, 4)),
                joinedAt: WallTime(milliseconds: Int64(Self.number(said, 4, 6))))
        }
    }

    // MARK: Passes

    package func pass(_ pass: SignedPass, in queue: QueueName) -> String {
        text(.pass, queue) { said in
            said.write(UInt64(pass.number), 4)
            said.write(UInt64(pass.position), 4)
            said.write(UInt64(clamping: pass.joinedAt.milliseconds), 6)
            said.write(UInt64(bitPattern: pass.end.milliseconds), 8)
        }
    }

    /// What the pass says; `nil` if it was not made here for this queue, whatever is wrong with it.
    package func pass(of text: String, in queue: QueueName) -> SignedPass? {
        var text = text
        return text.withUTF8 { pass(of: $0, in: queue) }
    }

    private func pass(of text: UnsafeBufferPointer<UInt8>, in queue: QueueName) -> SignedPass? {
        said(by: text, .pass, queue) { said in
            SignedPass(
                SignedEntry(
                    number: UInt32(Self.number(said, 0, 4)),
                    joinedAt: WallTime(milliseconds: Int64(Self.number(said, 8, 6)))),
                position: UInt32(Self.number(said, 4, 4)),
                end: Timestamp(milliseconds: Int64(bitPattern: Self.number(said, 14, 8))))
        }
    }

    /// Whether a text has the length and the characters of a pass. A forged one has them, too.
    package static func hasFormOfPass(_ text: String) -> Bool {
        guard text.utf8.count == passLength else { return false }
        var text = text
        return withUnsafeTemporaryAllocation(byteCount: passBytes, alignment: 1) { whole in
            text.withUTF8 { Base64URL.decode($0, into: whole) }
        }
    }

    // MARK: Receipts

    package func receipt(of entry: SignedEntry, in queue: QueueName) -> String {
        let line = QueueReceipt.line(entry, in: queue)
        return "\(line) \(signer.signature(of: Array(line.utf8)).hexDigits)"
    }

    // MARK: Signing

    /// Fills a stretch of bytes.
    private struct Writer {
        let bytes: UnsafeMutableRawBufferPointer
        private(set) var written = 0

        init(_ bytes: UnsafeMutableRawBufferPointer) {
            self.bytes = bytes
        }

        /// The lowest `count` bytes, the highest of them first.
        mutating func write(_ number: UInt64, _ count: Int) {
            for byte in (0..<count).reversed() {
                bytes[written] = UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))
                written += 1
            }
        }

        mutating func write(_ other: UnsafeRawBufferPointer) {
            UnsafeMutableRawBufferPointer(rebasing: bytes[written...]).copyMemory(from: other)
            written += other.count
        }
    }

    private func text(_ kind: Kind, _ queue: QueueName, _ say: (inout Writer) -> Void) -> String {
        guard let key = keys[Int(current)] else { preconditionFailure("the current key is there") }
        return withUnsafeTemporaryAllocation(byteCount: kind.bytes, alignment: 1) { whole in
            var writer = Writer(whole)
            writer.write(UInt64(current), 1)
            say(&writer)
            let tag = Self.tag(kind, Bytes(rebasing: whole[..<writer.written]), queue, key)
            writer.write(tag.0, 8)
            writer.write(tag.1, 8)
            return String(unsafeUninitializedCapacity: whole.count / 3 * 4) { text in
                Base64URL.encode(Bytes(whole), into: UnsafeMutableRawBufferPointer(text))
                return whole.count / 3 * 4
            }
        }
    }

    /// What stands between key number and signature.
    private func said<Value>(
        by text: UnsafeBufferPointer<UInt8>, _ kind: Kind, _ queue: QueueName, _ read: (Bytes) -> Value
    ) -> Value? {
        let count = kind.bytes
        guard text.count == count / 3 * 4 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { whole -> Value? in
            guard Base64URL.decode(text, into: whole), let key = keys[Int(whole[0])]
            else { return nil }
            let signed = Bytes(rebasing: whole[..<(count - Self.tagBytes)])
            let tag = Self.tag(kind, signed, queue, key)
            let told = (Self.number(Bytes(whole), signed.count, 8), Self.number(Bytes(whole), signed.count + 8, 8))
            // Both halves are compared before anything depends on either.
            let difference = (tag.0 ^ told.0) | (tag.1 ^ told.1)
            return difference == 0 ? read(Bytes(rebasing: signed[1...])) : nil
        }
    }

    /// The signature. All lengths but the event's follow from the kind, and the length of the whole stands in front, so no message is
    /// another one, or begins it.
    private static func tag(_ kind: Kind, _ signed: Bytes, _ queue: QueueName, _ key: [UInt8]) -> (UInt64, UInt64) {
        var event = queue.event.text
        let length = 1 + signed.count + queue.commitment.count + event.utf8.count
        return withUnsafeTemporaryAllocation(byteCount: key.count + 4 + length, alignment: 1) { message in
            var writer = Writer(message)
            key.withUnsafeBytes { writer.write($0) }
            writer.write(UInt64(length), 4)
            writer.write(UInt64(kind.rawValue), 1)
            writer.write(signed)
            queue.commitment.withUnsafeBytes { writer.write($0) }
            event.withUTF8 { writer.write(Bytes($0)) }
            let hash = SHA256.words(of: Bytes(message))
            return (hash.0, hash.1)
        }
    }

    private static func number(_ bytes: Bytes, _ start: Int, _ count: Int) -> UInt64 {
        bytes[start..<(start + count)].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The line that proves to anybody that somebody joined a queue, and when:
/// `EVENT NUMBER TIME COMMITMENT SIGNATURE`. The signature is by Ed25519 over everything in front of the last space.
package struct QueueReceipt: Hashable, Sendable {
    package var queue: QueueName
    package var entry: SignedEntry
    package var signature: [UInt8]
    /// What is signed.
    private var signed: String

    static func line(_ entry: SignedEntry, in queue: QueueName) -> String {
        "\(queue.event) \(entry.number) \(entry.joinedAt.rfc3339) \(queue.commitment.hexDigits)"
    }

    /// `nil` if the text is no receipt. Whether it was signed, ``isSigned(by:)`` says.
    package init?(_ text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 5, let event = Code(String(parts[0])), let number = UInt32(parts[1]),
            let joinedAt = WallTime(rfc3339: String(parts[2])), let commitment = [UInt8](hexDigits: parts[3]),
            let signature = [UInt8](hexDigits: parts[4])
        else { return nil }
        queue = QueueName(event: event, commitment: commitment)
        entry = SignedEntry(number: number, joinedAt: joinedAt)
        self.signature = signature
        signed = parts.dropLast().joined(separator: " ")
    }

    /// When it says that they joined.
    var joinedAt: String { entry.joinedAt.rfc3339 }

    /// Whether the owner of one of these public keys, in hexadecimal digits, signed it.
    package func isSigned(by keys: [String]) -> Bool {
        keys.contains { key in
            [UInt8](hexDigits: key[...]).map { Ed25519.isValid(signature, of: Array(signed.utf8), by: $0) } ?? false
        }
    }
}

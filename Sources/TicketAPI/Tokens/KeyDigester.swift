package import BoxOffice
internal import Cryptography
internal import Foundation

/// Turns the idempotency keys that callers send into the digests that stores keep (R15 Idempotency keys).
///
/// A store never has the text of a key: with a copy of the ledger, one could use it to get other callers' tokens. The secret
/// is the ledger's own, so that digests survive the rotation of token keys, and all nodes on one Redis make the same.
///
/// The digest is the first half of SHA-256 over the secret and the message. Each part of the message has its length before
/// it, so no two scopes and keys run together; the whole message has its length before it, so none begins another one,
/// and what is missing of the hash leaves nothing to go on from. With both, a hash with its key in front is a
/// pseudorandom function (Bellare, Canetti and Krawczyk, 1996). HMAC would hash twice for the same; CMAC of AES prepares its
/// key anew for each message.
public struct KeyDigester: Sendable {
    /// What a key belongs to: the same key elsewhere is another one.
    package enum Scope {
        /// Holds of an event, for a buyer or without one.
        case holding(Code, Buyer?)
        case extending(HoldID)
        /// Entries of an event's queue.
        case joining(Code)
        /// Partial returns of the hold's purchase.
        case returning(HoldID)
    }

    /// The fewest bytes of a secret.
    public static let secretBytes = 32

    private let secret: [UInt8]

    /// - Precondition: ``secretBytes`` at least.
    public init(secret: [UInt8]) {
        precondition(secret.count >= Self.secretBytes, "a secret for keys has 32 bytes")
        self.secret = secret
    }

    /// - Parameter caller: the credential that came with the request, empty for anonymous callers. It is not checked: the
    ///   keys of a made-up credential meet no other caller's keys.
    package func digest(_ key: KeyText, in scope: Scope, of caller: String) -> IdempotencyKey {
        var caller = caller
        return caller.withUTF8 { caller in
            switch scope {
            case .holding(let event, let buyer):
                var (event, buyer) = (event.text, buyer?.text ?? "")
                return event.withUTF8 { event in
                    buyer.withUTF8 { buyer in digest("hold", event, buyer, caller, key) }
                }
            case .joining(let event):
                var event = event.text
                return event.withUTF8 { digest("join", $0, .init(rebasing: $0[..<0]), caller, key) }
            case .extending(let hold): return digest("extend", hold, caller, key)
            case .returning(let hold): return digest("return", hold, caller, key)
            }
        }
    }

    private func digest(_ kind: StaticString, _ hold: HoldID, _ caller: Bytes, _ key: KeyText) -> IdempotencyKey {
        withUnsafeBytes(of: hold.number.littleEndian) { number in
            number.withMemoryRebound(to: UInt8.self) {
                digest(kind, $0, .init(rebasing: $0[..<0]), caller, key)
            }
        }
    }

    private typealias Bytes = UnsafeBufferPointer<UInt8>

    private func digest(
        _ kind: StaticString, _ subject: Bytes, _ buyer: Bytes, _ caller: Bytes, _ key: KeyText
    ) -> IdempotencyKey {
        key.withBytes { key in
            let kind = Bytes(start: kind.utf8Start, count: kind.utf8CodeUnitCount)
            let parts = (kind, subject, buyer, caller, key)
            let length = kind.count + subject.count + buyer.count + caller.count + key.count + 5 * 4
            return withUnsafeTemporaryAllocation(byteCount: secret.count + 4 + length, alignment: 1) { message in
                var message = Writer(bytes: message)
                secret.withUnsafeBufferPointer { message.write($0) }
                message.write(length)
                message.writeFramed(parts.0)
                message.writeFramed(parts.1)
                message.writeFramed(parts.2)
                message.writeFramed(parts.3)
                message.writeFramed(parts.4)
                let hash = SHA256.words(of: UnsafeRawBufferPointer(message.bytes))
                return IdempotencyKey(high: hash.0, low: hash.1)
            }
        }
    }

    /// Fills a message of a known length.
    private struct Writer {
        let bytes: UnsafeMutableRawBufferPointer
        private var written = 0

        init(bytes: UnsafeMutableRawBufferPointer) {
            self.bytes = bytes
        }

        mutating func write(_ text: Bytes) {
            UnsafeMutableRawBufferPointer(rebasing: bytes[written...]).copyBytes(from: text)
            written += text.count
        }

        mutating func write(_ number: Int) {
            bytes.storeBytes(of: UInt32(number).littleEndian, toByteOffset: written, as: UInt32.self)
            written += 4
        }

        mutating func writeFramed(_ text: Bytes) {
            write(text.count)
            write(text)
        }
    }
}

/// What a caller sent as `Idempotency-Key`, quoted (a structured-field string) or bare.
package struct KeyText: Sendable {
    /// Printable ASCII.
    private let text: Substring

    /// The fewest characters of an anonymous caller's key, so that it cannot be guessed: a caller that sends a hold's key
    /// and asks for the same gets the hold's token. A UUID has 36.
    package static let fewestOfAnonymous = 16
    package static let most = 255

    /// `nil` if the header is not a key.
    ///
    /// - Parameter isAnonymous: whether the request came without an operator's or a shop's key.
    package init?(_ header: String, isAnonymous: Bool) {
        var text = header[...]
        if text.utf8.count >= 2, text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\"") {
            text = text.dropFirst().dropLast()
            guard !text.utf8.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
                return nil
            }
        }
        guard text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }),
            (Self.fewest(isAnonymous: isAnonymous)...Self.most).contains(text.utf8.count)
        else { return nil }
        self.text = text
    }

    /// What a key must be, in words that follow the name of the header.
    package static func demand(isAnonymous: Bool) -> String {
        "must be \(fewest(isAnonymous: isAnonymous)) to \(most) printable characters"
            + (isAnonymous ? ", best a UUID" : "")
    }

    private static func fewest(isAnonymous: Bool) -> Int {
        isAnonymous ? fewestOfAnonymous : 1
    }

    func withBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        var text = text
        return text.withUTF8(body)
    }
}

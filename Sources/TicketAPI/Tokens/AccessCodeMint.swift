package import BoxOffice
internal import Cryptography

/// Makes and knows the texts of access codes (R46 Access codes).
///
/// A text is a signature and no stored secret, as a token is: 16 bits with the number of the code, and 84 bits of
/// HMAC-SHA256 over event, batch and number, as 20 characters of Crockford's base 32 in four groups. So no copy of a ledger
/// gives one away, operators can list the texts again whenever they need them, and a batch of thousands costs a member of the
/// event's document.
///
/// The alphabet has no I, L, O and U. A text is read without regard to case, hyphens and spaces, and with O for 0 and I or L
/// for 1.
public struct AccessCodeMint: Sendable {
    private static let purpose = Array("holdfast access code 1".utf8)
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    private static let symbols = 20
    private static let groupLength = 5
    private static let tagBits: UInt128 = 84

    /// The last one makes texts, all of them know theirs.
    private let keys: [[UInt8]]

    /// - Parameters:
    ///   - keys: those that sign tokens. When a new one is added, the codes of the others stay good while those are kept.
    ///   - ledger: the identity of the ledger.
    init(keys: [TokenKey], ledger: [UInt8]) {
        self.keys = keys.map { SHA256.derivedKey(from: $0.secret, salt: ledger, purpose: Self.purpose) }
    }

    /// The text of a code: `7K2QD-04MX0-T6HNP-9ZV3E`.
    package func text(of number: Int, in batch: Code, of event: Code) -> String {
        guard let key = keys.last else { preconditionFailure("codes need a key") }
        let whole = UInt128(UInt16(clamping: number)) << Self.tagBits | Self.tag(key, number, batch, event)
        var text = ""
        for position in 0..<Self.symbols {
            if position > 0, position % Self.groupLength == 0 { text.append("-") }
            let symbol = Int(truncatingIfNeeded: whole >> UInt128(5 * (Self.symbols - 1 - position))) & 31
            text.unicodeScalars.append(Unicode.Scalar(Self.alphabet[symbol]))
        }
        return text
    }

    /// The code that `text` is of an event with these batches; `nil` if it is none of theirs, whatever is wrong with it.
    ///
    /// It costs an HMAC for each batch and key, right or wrong.
    package func find(_ text: String, among batches: [EventDefinition.CodeBatch], of event: Code) -> AccessCode? {
        guard let whole = Self.read(text) else { return nil }
        let number = Int(whole >> Self.tagBits)
        let told = whole & (1 << Self.tagBits - 1)
        var found: AccessCode?
        for batch in batches {
            for key in keys where Self.tag(key, number, batch.name, event) ^ told == 0 {
                found = AccessCode(batch: batch.name, number: number)
            }
        }
        return found
    }

    /// `text` in the one form that all its spellings have; empty if it cannot be a code.
    static func plainText(of text: String) -> String { read(text).map { String($0, radix: 36) } ?? "" }

    private static func read(_ text: String) -> UInt128? {
        var whole: UInt128 = 0
        var count = 0
        for byte in text.utf8 where byte != UInt8(ascii: "-") && byte != UInt8(ascii: " ") {
            guard count < symbols, let symbol = symbol(byte) else { return nil }
            whole = whole << 5 | UInt128(symbol)
            count += 1
        }
        return count == symbols ? whole : nil
    }

    private static func symbol(_ byte: UInt8) -> Int? {
        let isSmall = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        switch isSmall ? byte - 32 : byte {
        case UInt8(ascii: "O"): return 0
        case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
        case let letter: return alphabet.firstIndex(of: letter)
        }
    }

    private static func tag(_ key: [UInt8], _ number: Int, _ batch: Code, _ event: Code) -> UInt128 {
        // No code contains a line feed, so no two messages are the same.
        let message = Array("\(event)\n\(batch)\n\(number)".utf8)
        let code = SHA256.authenticationCode(for: message, key: key)
        let whole = code.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        return whole >> (128 - tagBits)
    }
}

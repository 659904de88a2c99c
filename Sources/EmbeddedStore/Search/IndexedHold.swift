internal import BoxOffice
internal import Cryptography

/// A hold as the search index has it.
struct IndexedHold: Equatable {
    /// A line, with the index of its type within the event.
    struct Line: Equatable {
        var type: Int64
        var quantity: Int64
        var price: Int64
        /// How many tickets of a purchase were returned (R39 Partial return).
        var returned: Int64
    }

    var hold: Int64
    var event: Int64
    var state: IndexedState
    /// In milliseconds of the store's clock.
    var deadline: Int64
    /// A digest.
    var buyer: Int64?
    /// Digests of the payment that bought it and of those that bought nothing.
    var payments: [Int64]
    var lines: [Line]
    var currency: String

    /// Each type once.
    var types: Set<Int64> { Set(lines.map(\.type)) }

    /// The lists as the file keeps them: numbers with spaces between them.
    var packedPayments: String { payments.map(String.init).joined(separator: " ") }
    var packedLines: String {
        lines.flatMap { [$0.type, $0.quantity, $0.price, $0.returned] }.map(String.init).joined(separator: " ")
    }

    static func numbers(_ packed: String) -> [Int64] {
        packed.utf8.split(separator: UInt8(ascii: " ")).compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    static func lines(_ packed: String) -> [Line] {
        let numbers = numbers(packed)
        return stride(from: 0, to: numbers.count - 3, by: 4).map {
            Line(type: numbers[$0], quantity: numbers[$0 + 1], price: numbers[$0 + 2], returned: numbers[$0 + 3])
        }
    }
}

/// The state of a hold in the search index. A live hold becomes an expired one when the follower sees its deadline
/// pass.
enum IndexedState: Int64, CaseIterable {
    case held = 0
    case purchased, released, returned, expired

    init(_ hold: RestoredHold, at now: Timestamp) {
        switch hold.state {
        case .held: self = now < hold.deadline ? .held : .expired
        case .purchased: self = .purchased
        case .released: self = .released
        case .returned: self = .returned
        }
    }

    init(_ state: HoldView.State) {
        switch state {
        case .held: self = .held
        case .purchased: self = .purchased
        case .released: self = .released
        case .returned: self = .returned
        case .expired: self = .expired
        }
    }

    var visible: HoldView.State {
        switch self {
        case .held: .held
        case .purchased: .purchased
        case .released: .released
        case .returned: .returned
        case .expired: .expired
        }
    }
}

/// Makes the digests of buyers and payments in the index: 64 bits of an HMAC. What is found by one is compared with the
/// ledger.
struct SearchDigester: Sendable {
    private let key: [UInt8]

    /// - Parameter secret: the ledger's, from which the index gets a key of its own.
    init(secret: [UInt8]) {
        key = SHA256.derivedKey(from: secret, salt: [], purpose: Array("holdfast search index".utf8))
    }

    func digest(_ text: String) -> Int64 {
        let code = SHA256.authenticationCode(for: Array(text.utf8), key: key)
        return Int64(bitPattern: code.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
    }
}

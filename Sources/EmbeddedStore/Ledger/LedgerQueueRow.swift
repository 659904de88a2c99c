internal import BoxOffice

/// A fact of a queue as a row of the table `queue_facts` has it.
struct LedgerQueueRow {
    enum Kind: Int64 {
        case opened = 1
        case numbered, joined, gathered, drawn, moved, began, adjusted, left, over, reopened, given
    }

    var kind: Kind
    var number: Int64 = 0
    var position: Int64 = 0
    var moment: Int64 = 0
    var text: String?

    init(_ fact: QueueFact) {
        switch fact {
        case .opened(let secret, let gathers, let identity):
            self.init(
                as: .opened, number: gathers ? 1 : 0, position: identity == .buyer ? 1 : 0,
                text: Self.hexadecimal(secret))
        case .numbered(let end): self.init(as: .numbered, number: Int64(end))
        case .joined(let number, let buyer):
            self.init(
                as: .joined, number: Int64(number.value), position: Int64(bitPattern: buyer.high),
                moment: Int64(bitPattern: buyer.low))
        case .gathered(let count): self.init(as: .gathered, number: Int64(count))
        case .drawn(.notAnnounced): self.init(as: .drawn)
        case .drawn(.missed): self.init(as: .drawn, number: 1)
        case .drawn(.given(let value)): self.init(as: .drawn, number: 2, text: value.text)
        case .moved(let head, let people, let isKnown):
            self.init(
                as: .moved, number: Int64(people), position: Int64(head), text: isKnown ? Self.known : nil)
        case .began(let number, let position, let endsAt, let head):
            self.init(
                as: .began, number: Int64(number.value), position: Int64(position), moment: endsAt.milliseconds,
                text: head == 0 ? nil : "\(head)")
        case .adjusted(let isPaused, let rate, let head, let people, let isKnown):
            self.init(
                as: .adjusted, number: Int64(people), position: Int64(head),
                moment: Int64(rate) * 2 + (isPaused ? 1 : 0), text: isKnown ? Self.known : nil)
        case .given(let first, let end):
            self.init(as: .given, number: Int64(end), position: Int64(first))
        case .left(let number): self.init(as: .left, number: Int64(number.value))
        case .over: self.init(as: .over)
        case .reopened: self.init(as: .reopened)
        }
    }

    /// That the head passed people who were known to be there.
    private static let known = "known"

    private init(as kind: Kind, number: Int64 = 0, position: Int64 = 0, moment: Int64 = 0, text: String? = nil) {
        (self.kind, self.number, self.position, self.moment, self.text) = (kind, number, position, moment, text)
    }

    /// `nil` if there is no such kind.
    init?(kind: Int64, number: Int64, position: Int64, moment: Int64, text: String?) {
        guard let kind = Kind(rawValue: kind) else { return nil }
        self.init(as: kind, number: number, position: position, moment: moment, text: text)
    }

    /// `nil` if the columns say nothing that can be.
    var fact: QueueFact? {
        guard let small = UInt32(exactly: number) else { return nil }
        let entry = EntryNumber(small)
        switch kind {
        case .opened:
            guard let secret = text.flatMap(Self.bytes) else { return nil }
            return .opened(secret: secret, gathers: number == 1, position == 1 ? .buyer : .device)
        case .numbered: return .numbered(end: small)
        case .joined:
            return .joined(
                entry, BuyerDigest(high: UInt64(bitPattern: position), low: UInt64(bitPattern: moment)))
        case .gathered: return .gathered(count: small)
        case .drawn:
            switch number {
            case 0: return .drawn(.notAnnounced)
            case 1: return .drawn(.missed)
            default: return text.flatMap(BeaconText.init).map { .drawn(.given($0)) }
            }
        case .moved:
            guard let head = UInt32(exactly: position) else { return nil }
            return .moved(head: head, people: small, isKnown: text == Self.known)
        case .began:
            guard let position = UInt32(exactly: position) else { return nil }
            let head = text.flatMap { UInt32($0) } ?? 0
            return .began(entry, position: position, endsAt: Timestamp(milliseconds: moment), head: head)
        case .adjusted:
            guard let head = UInt32(exactly: position), moment >= 0 else { return nil }
            return .adjusted(
                isPaused: moment % 2 == 1, mostPerSecond: Int(moment / 2), head: head, people: small,
                isKnown: text == Self.known)
        case .given: return UInt32(exactly: position).map { .given(from: $0, below: small) }
        case .left: return .left(entry)
        case .over: return .over
        case .reopened: return .reopened
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 2 * QueueDraw.secretBytes else { return nil }
        return stride(from: 0, to: digits.count, by: 2).reduce(into: [UInt8]?([])) { bytes, index in
            let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
            if let byte = UInt8(pair, radix: 16) { bytes?.append(byte) } else { bytes = nil }
        }
    }
}

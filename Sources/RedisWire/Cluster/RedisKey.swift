/// A slot of a cluster. Every key belongs to one slot, and every slot to one master.
public struct RedisSlot: Sendable, Hashable, Comparable {
    /// How many slots every cluster has.
    public static let count = 16384

    /// 0 to 16383.
    public let number: UInt16

    /// - Returns: `nil` if there is no slot with the number.
    public init?(_ number: Int) {
        guard number >= 0, number < Self.count else { return nil }
        self.number = UInt16(number)
    }

    /// The slot of a key: the checksum of the text in its first braces, or of the whole key if it has none or they are
    /// empty (Redis cluster specification, "Hash tags").
    public init(of key: some Collection<UInt8>) {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")) {
            let inside = key[key.index(after: open)...]
            if let close = inside.firstIndex(of: UInt8(ascii: "}")), close != inside.startIndex {
                hashed = inside[..<close]
            }
        }
        number = CRC16.checksum(of: hashed) & UInt16(Self.count - 1)
    }

    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Leads a command to its server: the slot of its keys, computed once for a key that is used often.
public struct RedisKey: Sendable, Hashable {
    /// The slot that all keys of the command are in.
    public let slot: RedisSlot

    /// - Parameter text: a key, or the hash tag that all keys of a command share.
    public init(_ text: String) {
        slot = RedisSlot(of: text.utf8)
    }

    public init(_ bytes: some Collection<UInt8>) {
        slot = RedisSlot(of: bytes)
    }

    public init(slot: RedisSlot) {
        self.slot = slot
    }
}

/// CRC-16/XMODEM, polynomial 0x1021, as the cluster specification wants it.
enum CRC16 {
    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { sum, _ in sum & 0x8000 == 0 ? sum << 1 : (sum << 1) ^ 0x1021 }
    }

    static func checksum(of bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { sum, byte in (sum << 8) ^ table[Int(UInt8(truncatingIfNeeded: sum >> 8) ^ byte)] }
    }
}

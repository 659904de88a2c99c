/// A stable digest of a request, to tell the same request from another under one key.
///
/// FNV-1a, 64 bits: it must be the same in every process and release, and no attacker gains by a collision (it would
/// only replay the caller's own answer), so neither Swift's seeded hash nor a cryptographic one fits.
public struct Fingerprint: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte: byte) }
        // No UTF-8 text has this byte: "ab" + "c" and "a" + "bc" stay different.
        add(byte: 0xff)
    }

    public mutating func add(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        for _ in 0..<8 {
            add(byte: UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    private mutating func add(byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }
}

extension Fingerprint {
    /// What makes two requests to extend a hold the same.
    public static func ofExtending(_ id: HoldID) -> UInt64 {
        var print = Fingerprint()
        print.add("extend")
        print.add(Int(truncatingIfNeeded: id.number))
        return print.value
    }
}

extension HoldRequest {
    /// What makes two requests the same: everything but the key.
    public var fingerprint: UInt64 {
        var print = Fingerprint()
        print.add("hold")
        print.add(event.text)
        for line in lines {
            print.add(line.type.text)
            print.add(line.quantity)
            // Only where it says something: keys of earlier releases keep their requests.
            if line.minimum != line.quantity { print.add(~line.minimum) }
        }
        print.add(buyer?.text ?? "")
        return print.value
    }
}

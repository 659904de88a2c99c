/// A stable digest of a request. It tells whether two requests with one key are the same (R15 Idempotency keys).
///
/// FNV-1a, 64 bits. It must be the same in every process and release, which Swift's seeded hash is not. A cryptographic
/// hash would protect nothing: a collision only replays the caller's own answer.
public struct Fingerprint: Sendable {
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte: byte) }
        // UTF-8 never contains this byte, so "ab" + "c" and "a" + "bc" stay different.
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
    /// The digest of a request to extend a hold.
    public static func ofExtending(_ id: HoldID) -> UInt64 {
        var print = Fingerprint()
        print.add("extend")
        print.add(Int(truncatingIfNeeded: id.number))
        return print.value
    }
}

extension HoldRequest {
    /// The digest of everything but the key.
    public var fingerprint: UInt64 {
        var print = Fingerprint()
        print.add("hold")
        print.add(event.text)
        for line in lines {
            print.add(line.type.text)
            print.add(line.quantity)
            // Only if it differs from the quantity: keys of earlier releases keep their digests.
            if line.minimum != line.quantity { print.add(~line.minimum) }
        }
        print.add(buyer?.text ?? "")
        // Only where there is one, as above.
        if !override.isEmpty {
            print.add("override")
            print.add(Int(override.rawValue))
        }
        // Behind everything else: keys of earlier releases keep their digests.
        if let code {
            print.add("code")
            print.add(code.text)
        }
        if let pass {
            print.add("pass")
            print.add(Int(pass.number.value))
        }
        return print.value
    }
}

import Foundation

/// Where a run's random values come from: `HOLDFAST_SEED`, or always the same one, so that a red run is red again. As a
/// test's argument it is printed with the test.
struct Seed: Sendable, CustomStringConvertible {
    let value: UInt64

    static let ofThisRun = Seed(
        value: ProcessInfo.processInfo.environment["HOLDFAST_SEED"].flatMap { UInt64($0) }
            ?? 20_261_124)

    var description: String { "HOLDFAST_SEED=\(value)" }

    var generator: SplitMix64 { SplitMix64(state: value) }
}

/// Steele, Lea and Flood's generator: small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ part: Int, of whole: Int) -> Bool {
        Int.random(in: 0..<whole, using: &self) < part
    }

    /// A text with everything in it that an encoder could get wrong.
    mutating func text(upTo length: Int) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0x00...0x1f, 0x20...0x7f, 0x22...0x22, 0x5c...0x5c, 0x2f...0x2f, 0x7e...0x7f, 0x80...0x7ff,
            0x800...0xd7ff, 0x2028...0x2029, 0xe000...0xffff, 0x10000...0x10ffff,
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...length, using: &self) {
            let range = ranges[Int.random(in: 0..<ranges.count, using: &self)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &self)) {
                text.append(scalar)
            }
        }
        return String(text)
    }
}

/// Random numbers from a seed: the same seed gives the same numbers on every machine and in every build.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): eight bytes of state, and
/// every seed is a good one. Seeds are printed in decimal.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        state = seed
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number of `range`. The bias is below one in 2^40 on the ranges used here.
    ///
    /// Not `Int.random(in:using:)`, because its algorithm may change with the standard library.
    public mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// `true` in `percent` of 100 cases.
    public mutating func chance(_ percent: Int) -> Bool {
        number(in: 1...100) <= percent
    }

    /// One of `list`, or `nil` if there is none.
    public mutating func one<Element>(of list: [Element]) -> Element? {
        list.isEmpty ? nil : list[number(in: 0...(list.count - 1))]
    }

    /// A text with everything in it that an encoder could get wrong: escapes, controls, scalars of one to four bytes.
    public mutating func text(upTo length: Int) -> String {
        let ranges: [ClosedRange<Int>] = [
            0x00...0x1f, 0x20...0x7f, 0x22...0x22, 0x5c...0x5c, 0x2f...0x2f, 0x7e...0x7f, 0x80...0x7ff,
            0x800...0xd7ff, 0x2028...0x2029, 0xe000...0xffff, 0x10000...0x10ffff,
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<number(in: 0...length) {
            let range = ranges[number(in: 0...(ranges.count - 1))]
            if let scalar = Unicode.Scalar(UInt32(number(in: range))) { text.append(scalar) }
        }
        return String(text)
    }
}

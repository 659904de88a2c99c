/// One to eight indexes of pools, stored inline: those of a type's pools, and those that count what was taken through an
/// allocation of each (R45 Allocations).
struct PoolList: Sendable, Equatable, RandomAccessCollection {
    private var indexes = SIMD8<UInt16>()
    let count: Int

    /// - Precondition: one to eight indexes, each below 65,536.
    init(_ list: [Int]) {
        precondition((1...2 * Limits.poolsPerType).contains(list.count), "a type draws from one to four pools")
        count = list.count
        for (position, index) in list.enumerated() { indexes[position] = UInt16(index) }
    }

    var startIndex: Int { 0 }
    var endIndex: Int { count }

    subscript(position: Int) -> Int {
        Int(indexes[position])
    }
}

/// One to four indexes of pools, stored inline.
struct PoolList: Sendable, Equatable, RandomAccessCollection {
    private var indexes = SIMD4<UInt16>()
    let count: Int

    /// - Precondition: one to four indexes, each below 65,536.
    init(_ list: [Int]) {
        precondition((1...Limits.poolsPerType).contains(list.count), "a type draws from one to four pools")
        count = list.count
        for (position, index) in list.enumerated() { indexes[position] = UInt16(index) }
    }

    var startIndex: Int { 0 }
    var endIndex: Int { count }

    subscript(position: Int) -> Int {
        Int(indexes[position])
    }
}

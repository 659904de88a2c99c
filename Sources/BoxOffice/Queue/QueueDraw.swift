/// The draw of a queue (Q3 Draw): the order of the people who joined before the sale opened.
///
/// It has no state and nothing in it is random: the same secret, count, event and beacon value always give the same order.
/// All numbers are big-endian in eight bytes, and a text is its length in eight bytes and then UTF-8, so that a stranger can
/// repeat it with ten lines of any language (`docs/queue.md`).
public enum QueueDraw {
    /// The bytes of a secret and of a seed.
    public static let secretBytes = 32

    /// What is published of the secret when the queue opens: its SHA-256.
    public static func commitment(to secret: [UInt8]) -> [UInt8] {
        SHA256.hash(secret)
    }

    /// The seed of a draw, 32 bytes.
    ///
    /// - Parameters:
    ///   - secret: what was committed to when the queue opened.
    ///   - count: how many numbers were issued before the draw.
    ///   - beacon: the public value that nobody knew before gathering ended; empty without one.
    public static func seed(secret: [UInt8], count: Int, event: Code, beacon: String) -> [UInt8] {
        precondition(secret.count == secretBytes && count >= 0, "a secret has 32 bytes, and a count is not negative")
        return SHA256.hash(secret + SHA256.bytes(UInt64(count)) + framed(event.text) + framed(beacon))
    }

    private static func framed(_ text: String) -> [UInt8] {
        SHA256.bytes(UInt64(text.utf8.count)) + Array(text.utf8)
    }

    /// The position of each number from 0 to `count - 1`: its index among all, ordered by `SHA-256(seed ‖ number)`.
    ///
    /// 5,000,000 take about a second and 130 MB, of which 20 MB remain.
    public static func positions(seed: [UInt8], count: Int) -> [UInt32] {
        precondition(seed.count == secretBytes, "a seed has 32 bytes")
        return positions(beginnings: beginnings(seed: seed, count: count)) { hash(seed: seed, number: $0) }
    }

    /// The whole hash by which a number is ordered, 32 bytes.
    public static func hash(seed: [UInt8], number: UInt32) -> [UInt8] {
        SHA256.hash(seed + SHA256.bytes(UInt64(number)))
    }

    /// The position of each number, ordered by its hash.
    ///
    /// The first bits of a hash choose one of so many piles that each has a few numbers; a pile is sorted by insertion. So
    /// nothing is compared that lies far apart, and no hash is moved more than once.
    ///
    /// - Parameters:
    ///   - beginnings: the first eight bytes of each number's hash.
    ///   - hash: the whole hash, for numbers whose hashes begin alike.
    package static func positions(beginnings: [UInt64], hash: (UInt32) -> [UInt8]) -> [UInt32] {
        let count = beginnings.count
        precondition(count <= UInt32.max, "positions have 32 bits")
        // About four numbers in a pile; one bit at least, since a shift by all bits does not shift.
        let shift = UInt64(64 - max(1, UInt64.bitWidth - (count / 4).leadingZeroBitCount))
        var ends = [UInt32](repeating: 0, count: 1 << (64 - shift))
        for beginning in beginnings { ends[Int(beginning &>> shift)] += 1 }
        var sum: UInt32 = 0
        for pile in ends.indices {
            (ends[pile], sum) = (sum, sum + ends[pile])
        }
        // While numbers are laid in, the entry of a pile is where its next one goes; afterwards, where the pile ends.
        var (sorted, order) = ([UInt64](repeating: 0, count: count), [UInt32](repeating: 0, count: count))
        for (number, beginning) in beginnings.enumerated() {
            let at = Int(ends[Int(beginning &>> shift)])
            ends[Int(beginning &>> shift)] += 1
            sorted[at] = beginning
            order[at] = UInt32(number)
        }
        var first = 0
        for end in ends {
            sort(&sorted, &order, first..<Int(end), hash)
            first = Int(end)
        }
        for (position, number) in order.enumerated() { sorted[Int(number)] = UInt64(position) }
        return sorted.map { UInt32(truncatingIfNeeded: $0) }
    }

    private static func sort(
        _ beginnings: inout [UInt64], _ order: inout [UInt32], _ pile: Range<Int>, _ hash: (UInt32) -> [UInt8]
    ) {
        for next in pile.dropFirst() {
            let (beginning, number) = (beginnings[next], order[next])
            var at = next
            while at > pile.lowerBound,
                beginning < beginnings[at - 1]
                    || (beginning == beginnings[at - 1] && hash(number).lexicographicallyPrecedes(hash(order[at - 1])))
            {
                beginnings[at] = beginnings[at - 1]
                order[at] = order[at - 1]
                at -= 1
            }
            beginnings[at] = beginning
            order[at] = number
        }
    }

    /// The first eight bytes of each number's hash.
    private static func beginnings(seed: [UInt8], count: Int) -> [UInt64] {
        let lanes = SHA256.Lanes.scalarCount
        // Every message fits into one block: seed, number, a bit, and its length of 320 bits.
        let parts = stride(from: 0, to: seed.count, by: 4).map { at in
            seed[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        let block = parts + [0, 0, 0x8000_0000, 0, 0, 0, 0, 320]
        let start = SHA256.start.map { SHA256.Lanes(repeating: $0) }
        return [UInt64](unsafeUninitializedCapacity: count) { all, initialized in
            withUnsafeTemporaryAllocation(of: SHA256.Lanes.self, capacity: 64 + 8) { room in
                room.initialize(repeating: .zero)
                let words = UnsafeMutableBufferPointer(rebasing: room[..<64])
                let state = UnsafeMutableBufferPointer(rebasing: room[64...])
                for first in stride(from: 0, to: count, by: lanes) {
                    for (index, word) in block.enumerated() { words[index] = SHA256.Lanes(repeating: word) }
                    for (index, word) in start.enumerated() { state[index] = word }
                    for lane in 0..<lanes { words[9][lane] = UInt32(truncatingIfNeeded: first + lane) }
                    SHA256.add(words, to: state)
                    for lane in 0..<min(lanes, count - first) {
                        all[first + lane] = UInt64(state[0][lane]) << 32 | UInt64(state[1][lane])
                    }
                }
            }
            initialized = count
        }
    }
}

public import BoxOffice

/// The numbers that holds had in another store, for a store that numbers its holds otherwise (R51 Moving a sale).
///
/// Tokens, answers and lists keep the *known* numbers, which buyers have; the store uses the *kept* ones. A number that
/// is not listed means the same on both sides, or nothing: a number that the store uses for a hold with another known
/// number is not a hold's. Consecutive numbers are one run of 24 bytes.
public struct HoldNumbering: Sendable, Equatable {
    private struct Run: Sendable, Equatable {
        var known: UInt64
        var kept: UInt64
        var count: UInt64
    }

    /// The bytes of a run in ``bytes``.
    public static let runBytes = 24

    /// In the order of the known numbers.
    private var runs: [Run] = []
    /// The positions of the runs, in the order of the kept numbers.
    private var order: [Int] = []

    public init() {}

    public var isEmpty: Bool { runs.isEmpty }

    /// Notes that the hold with the number `known` has the number `kept`. Each known number is noted once. Until
    /// ``finish()`` nothing is found.
    public mutating func add(_ known: HoldID, as kept: HoldID) {
        guard known != kept else { return }
        if let last = runs.last {
            if known.number == last.known + last.count, kept.number == last.kept + last.count {
                runs[runs.count - 1].count += 1
                return
            }
        }
        runs.append(Run(known: known.number, kept: kept.number, count: 1))
    }

    /// Makes ``kept(_:)`` and ``known(_:)`` find what was added.
    public mutating func finish() {
        runs.sort { $0.known < $1.known }
        order = runs.indices.sorted { runs[$0].kept < runs[$1].kept }
    }

    /// The number that the store uses for a hold; 0, which no store gives, if no hold is known by this one.
    public func kept(_ known: HoldID) -> HoldID {
        guard let run = Self.last(runs.count, { runs[$0].known <= known.number }).map({ runs[$0] }),
            known.number - run.known < run.count
        else { return self.known(known) == known ? known : HoldID(0) }
        return HoldID(run.kept + (known.number - run.known))
    }

    /// The number that buyers have of a hold.
    public func known(_ kept: HoldID) -> HoldID {
        guard let run = Self.last(order.count, { runs[order[$0]].kept <= kept.number }).map({ runs[order[$0]] }),
            kept.number - run.kept < run.count
        else { return kept }
        return HoldID(run.known + (kept.number - run.kept))
    }

    /// The last position below `count` for which `holds` is true; it is true up to there.
    private static func last(_ count: Int, _ holds: (Int) -> Bool) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(middle) { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    // MARK: As runs and bytes

    /// `count` numbers from `known` on, which are kept from `kept` on. In the order of the known numbers.
    public var stretches: [(known: HoldID, kept: HoldID, count: UInt64)] {
        runs.map { (HoldID($0.known), HoldID($0.kept), $0.count) }
    }

    /// Adds a run of numbers.
    public mutating func add(_ known: HoldID, as kept: HoldID, count: UInt64) {
        runs.append(Run(known: known.number, kept: kept.number, count: count))
    }

    /// Three numbers for each run, the lowest byte first.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(runs.count * Self.runBytes)
        for run in runs {
            for number in [run.known, run.kept, run.count] {
                withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
            }
        }
        return bytes
    }

    /// Reads ``bytes``; `nil` if they are none.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count % Self.runBytes == 0 else { return nil }
        var numbers: [UInt64] = []
        var number: UInt64 = 0
        var position: UInt64 = 0
        for byte in bytes {
            number |= UInt64(byte) << (8 * position)
            position += 1
            if position == 8 {
                numbers.append(number)
                (number, position) = (0, 0)
            }
        }
        for start in stride(from: 0, to: numbers.count, by: 3) {
            let run = Run(known: numbers[start], kept: numbers[start + 1], count: numbers[start + 2])
            guard run.count > 0, run.known >= runs.last.map({ $0.known + $0.count }) ?? 0 else { return nil }
            runs.append(run)
        }
        finish()
    }
}

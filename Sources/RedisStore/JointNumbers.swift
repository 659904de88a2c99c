internal import BoxOffice
internal import TicketStore

/// The parts of one event side by side: what they have together, and what would have to move for a hold.
///
/// Numbers of different parts are of different moments. What moved between them meanwhile is found by the numbers of
/// moves, so that no place is counted twice or not at all.
struct JointNumbers: Sendable {
    /// So many places of a pool.
    struct Need: Equatable, Sendable {
        var pool: Int
        var quantity: Int
    }

    /// Places on their way between two parts.
    struct Move: Equatable, Sendable {
        var from: Int
        var to: Int
        var number: UInt64
        var places: [Int]
    }

    /// By part; `nil` for one that was never read.
    private(set) var parts: [Programme.Entry?]
    /// Parts that did not answer when they were to be read.
    private(set) var unreached: Set<Int> = []

    init(_ parts: [Programme.Entry?]) {
        self.parts = parts
    }

    mutating func drop(_ part: Int) {
        unreached.insert(part)
        // The event may have been forgotten meanwhile, and with it that it has parts.
        if parts.indices.contains(part) { parts[part] = nil }
    }

    /// Whether all parts are there, with the definition in force.
    var isComplete: Bool {
        guard let first = parts.first.flatMap({ $0 }) else { return false }
        return parts.allSatisfy { part in
            guard let part else { return false }
            // Where a definition was lost, two may have one revision.
            return part.reading.revision == first.reading.revision
                && part.numbers.pools.count == first.numbers.pools.count
        }
    }

    /// Goes up with every change of any part.
    var version: UInt64 {
        parts.reduce(0) { $0 &+ ($1?.numbers.version ?? 0) }
    }

    // MARK: Moves

    /// Moves whose end was not heard of.
    var underWay: [Move] {
        var found: [Move] = []
        for (from, part) in parts.enumerated() {
            for moves in part?.numbers.moves ?? [] where !moves.places.isEmpty {
                found.append(Move(from: from, to: moves.part, number: moves.sent, places: moves.places))
            }
        }
        return found
    }

    /// Parts of which another one has newer news: they are to be looked at again.
    var outrun: Set<Int> {
        var found: Set<Int> = []
        for from in parts.indices {
            for to in parts.indices where to != from && parts[from] != nil && parts[to] != nil {
                let moves = moves(from, to)
                let sent = moves?.sent ?? 0
                let settled = moves.map { $0.places.isEmpty ? sent : sent - 1 } ?? 0
                let received = received(at: to, from: from)
                if received < settled { found.insert(to) }
                if received > sent { found.insert(from) }
            }
        }
        return found
    }

    /// What one part knows of moves between it and another: at least so many went there from the other, and came from it.
    func known(of part: Int, by other: Int) -> (sent: UInt64, received: UInt64) {
        let moves = moves(other, part)
        return (moves?.received ?? 0, moves.map { $0.places.isEmpty ? $0.sent : $0.sent - 1 } ?? 0)
    }

    private func moves(_ from: Int, _ to: Int) -> CallReply.Moves? {
        parts[from]?.numbers.moves.first { $0.part == to }
    }

    private func received(at part: Int, from other: Int) -> UInt64 {
        moves(part, other)?.received ?? 0
    }

    /// The part with the newest definition, the first of several.
    var newest: Int {
        let revisions = parts.map { $0?.reading.revision ?? 0 }
        return revisions.indices.max { (revisions[$0], -$0) < (revisions[$1], -$1) } ?? 0
    }

    /// What all parts together have too few of each pool, or less than 0 for too many; `nil` if they have what the event
    /// has. Only where nothing is under way.
    var lost: [Int]? {
        guard let first = parts.first.flatMap({ $0 }) else { return nil }
        let wanted = Dictionary(
            first.reading.definition.pools.map { ($0.code, $0.capacity) }, uniquingKeysWith: { one, _ in one })
        let lost = zip(first.catalogue.pools, pools).map { (wanted[$0.code] ?? 0) - $1.capacity }
        return lost.contains { $0 != 0 } ? lost : nil
    }

    // MARK: Sums

    /// Every pool over all parts, with places on their way; moments by the clock of the first part.
    var pools: [CallReply.Pool] {
        guard let first = parts.first.flatMap({ $0 })?.numbers else { return [] }
        var sums = first.pools
        for index in sums.indices {
            let each = parts.compactMap { part in
                part.flatMap { part in
                    part.numbers.pools.indices.contains(index) ? (part.numbers, part.numbers.pools[index]) : nil
                }
            }
            sums[index].capacity = each.reduce(0) { $0 + $1.1.capacity } + onTheirWay(index)
            sums[index].held = each.reduce(0) { $0 + $1.1.held }
            sums[index].sold = each.reduce(0) { $0 + $1.1.sold }
            sums[index].isClosed = each.allSatisfy { $0.1.isClosed }
            sums[index].isStopped = each.contains { $0.1.isStopped }
            if !sums[index].isClosed {
                sums[index].shut = each.reduce(0) { $0 + ($1.1.isClosed ? $1.1.free : 0) }
            }
            sums[index].earliest =
                each.filter { $0.1.earliest > 0 }.map { $0.1.earliest + $0.0.moment.apart(from: first.moment) }.min()
                ?? 0
        }
        return sums
    }

    /// The same for the books: free places of a closed part are free all the same.
    var counted: [CallReply.Pool] {
        var sums = pools
        for index in sums.indices {
            sums[index].shut = 0
            sums[index].isClosed = parts.contains { part in
                part.map { $0.numbers.pools.indices.contains(index) && $0.numbers.pools[index].isClosed } ?? false
            }
        }
        return sums
    }

    private func onTheirWay(_ pool: Int) -> Int {
        underWay.reduce(0) { sum, move in
            guard parts.indices.contains(move.to), received(at: move.to, from: move.from) < move.number,
                move.places.indices.contains(pool)
            else { return sum }
            return sum + move.places[pool]
        }
    }

    /// Places of a pool that a part could give now.
    func spare(_ part: Int, _ pool: Int) -> Int {
        guard let pools = parts[part]?.numbers.pools, pools.indices.contains(pool), !pools[pool].isClosed else {
            return 0
        }
        return pools[pool].free
    }

    // MARK: Holding

    func has(_ needs: [Need], in part: Int) -> Bool {
        parts[part] != nil && needs.allSatisfy { spare(part, $0.pool) >= $0.quantity }
    }

    /// Notes that places of a part are spoken for.
    mutating func speak(for needs: [Need], in part: Int) {
        for need in needs where parts[part]?.numbers.pools.indices.contains(need.pool) ?? false {
            parts[part]?.numbers.pools[need.pool].held += need.quantity
        }
    }

    /// Why all parts together cannot give what is needed, as the core says it: where several pools are short, the one
    /// that will not come back speaks first. `nil` if they can.
    func refusal(of needs: [Need]) -> Refusal? {
        let pools = pools
        let asked = needs.filter { pools.indices.contains($0.pool) }
        for need in asked where pools[need.pool].isClosed {
            return parts.first.flatMap { $0 }.map { .poolClosed($0.catalogue.pools[need.pool].code) }
        }
        var latest: Int?
        var fewest: Int?
        for need in asked where pools[need.pool].free < need.quantity {
            let pool = pools[need.pool]
            if pool.free > 0 {
                fewest = min(fewest ?? pool.free, pool.free)
            } else if pool.held > 0, pool.earliest > 0 {
                latest = max(latest ?? pool.earliest, pool.earliest)
            } else {
                return .soldOut
            }
        }
        if let latest { return .temporarilyHeld(earliest: Timestamp(milliseconds: Int64(latest))) }
        return fewest.map { .insufficientQuantity(available: $0) }
    }

    /// What to take from which part, by pool, so that part `target` has what is needed.
    func gathering(_ needs: [Need], to target: Int) -> [Int: [Int]] {
        var taken: [Int: [Int]] = [:]
        let width = parts[target]?.numbers.pools.count ?? 0
        for need in needs where need.pool < width {
            var missing = need.quantity - spare(target, need.pool)
            let others = parts.indices.filter { $0 != target }.sorted { spare($0, need.pool) > spare($1, need.pool) }
            for part in others where missing > 0 {
                let quantity = min(missing, spare(part, need.pool))
                guard quantity > 0 else { continue }
                taken[part, default: Array(repeating: 0, count: width)][need.pool] += quantity
                missing -= quantity
            }
        }
        return taken
    }

    /// Where places are best gathered to: the part that lacks fewest, and of several the first, so that nodes which do
    /// so at the same time do not pull in two directions.
    func bestTarget(for needs: [Need]) -> Int? {
        parts.indices.filter { parts[$0] != nil }.min { left, right in
            (lack(needs, in: left), left) < (lack(needs, in: right), right)
        }
    }

    private func lack(_ needs: [Need], in part: Int) -> Int {
        needs.reduce(0) { $0 + max(0, $1.quantity - spare(part, $1.pool)) }
    }

    // MARK: Lowered capacities

    /// Pools of which nothing is sold until all parts were seen, and of which no part promises more than it has.
    var resumable: [Int] {
        guard isComplete, let count = parts.first.flatMap({ $0 })?.numbers.pools.count else { return [] }
        return (0..<count).filter { pool in
            let each = parts.compactMap { $0?.numbers.pools[pool] }
            return each.contains { $0.isStopped } && each.allSatisfy { $0.left >= 0 }
        }
    }

    var mayResume: Bool { !resumable.isEmpty }

    /// Places that are free in one part while another one promises more than it has: from where to where, by pool; one
    /// move at a time. `nil` if there are none.
    var balance: (from: Int, to: Int, places: [Int])? {
        guard isComplete, let count = parts.first.flatMap({ $0 })?.numbers.pools.count else { return nil }
        for pool in 0..<count {
            let lefts = parts.map { $0?.numbers.pools[pool].left ?? 0 }
            guard let to = lefts.indices.first(where: { lefts[$0] < 0 }),
                let from = lefts.indices.first(where: { spare($0, pool) > 0 })
            else { continue }
            var places = Array(repeating: 0, count: count)
            places[pool] = min(-lefts[to], lefts[from])
            return (from, to, places)
        }
        return nil
    }
}

extension Moment {
    /// What is to be added to a moment of this clock for it to be one of `other`'s, by the time of day that both show.
    func apart(from other: Moment) -> Int {
        Int((wall.milliseconds - office.milliseconds) - (other.wall.milliseconds - other.office.milliseconds))
    }
}

extension JointNumbers {
    /// What lines need of each pool, summed, in the order of the pools.
    static func needs(_ lines: [(type: Int, quantity: Int)], _ catalogue: EventCatalogue) -> [Need] {
        var sums: [Int: Int] = [:]
        for line in lines where catalogue.types.indices.contains(line.type) {
            for pool in catalogue.types[line.type].pools { sums[pool, default: 0] += line.quantity }
        }
        return sums.sorted { $0.key < $1.key }.map { Need(pool: $0.key, quantity: $0.value) }
    }

    /// As many as all parts together have of lines that would rather have fewer than none: every line its minimum, then
    /// each as many more as fit, the first one first. Why not even the minimums can be had, if they cannot.
    func fewer(
        _ lines: [(type: Int, quantity: Int, minimum: Int)], _ catalogue: EventCatalogue
    ) -> (needs: [Need], refusal: Refusal?) {
        var taken = lines.map { (type: $0.type, quantity: $0.minimum) }
        let least = Self.needs(taken, catalogue)
        if let refusal = refusal(of: least) { return (least, refusal) }
        var left = pools.map(\.free)
        for need in least { left[need.pool] -= need.quantity }
        for (index, line) in lines.enumerated() {
            let pools = catalogue.types[line.type].pools
            let more = min(line.quantity - line.minimum, pools.map { left[$0] }.min() ?? 0)
            guard more > 0 else { continue }
            taken[index].quantity += more
            for pool in pools { left[pool] -= more }
        }
        return (Self.needs(taken, catalogue), nil)
    }
}

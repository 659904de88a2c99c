/// An event as the box office keeps it: the definition in force, and whatever of earlier definitions a hold may still
/// refer to.
struct Event: Sendable, Equatable {
    /// The part of the definition that decisions need. It is copied for every command, so it contains no references.
    struct Terms: Sendable, Equatable {
        let ticketsPerHold: Int
        let ticketsPerBuyer: Int?
        let holdsPerBuyer: Int?
        let opensAt: WallTime?
        let closesAt: WallTime?
        let completion: EventDefinition.Completion
        /// Whether the event limits what one buyer takes.
        let limitsBuyers: Bool
        /// Some types have terms of their own: ``Event/typeTerms`` has them.
        let typesHaveTerms: Bool
        /// Whether a pool has allocations (R45 Allocations). Nearly none has, and a decision looks at nothing else of them.
        let keepsPlaces: Bool
        /// Whether holds need a pass of its queue (Q6 Pass).
        let hasQueue: Bool
        /// The index in ``Event/holdTerms`` of the terms that a new hold gets.
        let ofHolds: UInt16

        init(_ definition: EventDefinition, ofHolds: Int) {
            ticketsPerHold = definition.ticketsPerHold
            ticketsPerBuyer = definition.ticketsPerBuyer
            holdsPerBuyer = definition.holdsPerBuyer
            opensAt = definition.opensAt
            closesAt = definition.closesAt
            completion = definition.completion
            limitsBuyers = definition.needsBuyer
            typesHaveTerms = definition.types.contains(where: \.hasTerms)
            keepsPlaces = definition.pools.contains { !$0.allocations.isEmpty }
            hasQueue = definition.queue != nil
            self.ofHolds = UInt16(ofHolds)
        }
    }

    /// The terms that a hold keeps even if the event is redefined (R11 Terms of a hold). Prices are in the hold's lines, the
    /// currency is in ``Event/currencies``.
    struct HoldTerms: Sendable, Equatable {
        let life: Ticks
        let clientGrace: Ticks
        let maximumExtensions: Int
        let latePayment: EventDefinition.LatePayment

        init(_ definition: EventDefinition) {
            life = Ticks(definition.life)
            clientGrace = Ticks(definition.clientGrace)
            maximumExtensions = definition.maximumExtensions
            latePayment = definition.latePayment
        }

        /// The `expires_at` of a deadline: the client sees the end of the hold this much earlier (R6 Deadline).
        func expiresAt(_ deadline: Timestamp) -> Timestamp {
            deadline.advanced(by: -clientGrace)
        }
    }

    /// What is for sale under a type's index. It contains no references either.
    struct Offer: Sendable, Equatable {
        let pools: PoolList
        var price: Int64
        var isRetired = false
        /// The first index that the type's code had. Limits per buyer count by it, since a type that gets other pools is
        /// still the same type for its buyers.
        let firstIndex: UInt16
    }

    /// The names of a type. A type that is redefined with other pools gets a new index, so that a hold always knows which
    /// pools it drew from.
    struct TicketType: Sendable, Equatable {
        let code: Code
        var name: String
    }

    private struct TermsSince: Sendable, Equatable {
        let sequence: UInt64
        let terms: UInt16
    }

    private(set) var definition: EventDefinition
    private(set) var terms: Terms
    /// Every distinct set of terms that holds were made under; a hold keeps the index of its own. Bounded by
    /// ``Limits/termsPerEvent``.
    private(set) var holdTerms: [HoldTerms] = []
    /// By the same index: the currency of these holds' prices. A separate array, so that ``HoldTerms`` contains no references.
    private(set) var currencies: [String] = []
    /// The fact from which on new holds got which terms, one entry for each definition that changed them. A hold that is
    /// read from a ledger finds its terms here.
    private var termsSince: [TermsSince] = []
    var isPaused = false
    /// When it was cancelled, on the store's clock; `nil` if it is not (R42 Cancelled event).
    private(set) var cancelledAt: Timestamp?
    /// Something was paid back since it was cancelled: the cancellation stands.
    private(set) var hasPaidBack = false
    /// No code leads to a removed event, but its holds, which have all ended, can still be looked at.
    private(set) var isRemoved = false
    /// The number of the definition in force, counted over all events. No two definitions share one, not even those of an
    /// event that was removed and made again.
    var revision: UInt64 = 0
    /// Something was sold, whether it was returned or not.
    var hasSold = false
    /// Open confirmed debts (R23 Debts).
    var confirmedDebts = 0
    var pools: [Pool] = []
    /// What the definition in force keeps back; nearly always nothing.
    private(set) var allocations: [Allocation] = []
    private(set) var types: [TicketType] = []
    /// By the same index.
    private(set) var offers: [Offer] = []
    private(set) var typeIndexes: [Code: Int] = [:]
    /// The terms of types that have their own, by index (R44 Terms of a type).
    private(set) var typeTerms: [Int: TypeTerms] = [:]
    var buyers = BuyerAccounts()
    var codes = EventCodes()
    /// Rises with every change of a number or of the definition.
    private(set) var version: UInt64

    /// - Parameter version: above every version that an earlier process can have answered with.
    init(_ definition: EventDefinition, _ sequence: UInt64, version: UInt64) {
        self.definition = definition
        self.terms = Terms(definition, ofHolds: 0)
        self.version = version
        adopt(definition, sequence)
    }

    /// What forbids replacing the definition by `next`: promised places or a bound; empty if nothing does.
    func obstacles(to next: EventDefinition, limits: Limits) -> [Mistake] {
        var found = [Mistake]()
        let kept = Set(next.pools.map(\.code))
        // What was taken through an allocation stays taken if the allocation is dropped.
        for pool in pools where !pool.isRetired && !pool.isOfAllocation && !kept.contains(pool.code) {
            if pool.promised > 0 {
                found.append(.poolInUse(pool.code))
            }
        }
        let new = next.everyPool.count { pool in !pools.contains { $0.code == pool.code } }
        if pools.count + new > limits.poolsEverPerEvent {
            found.append(.pools(most: limits.poolsEverPerEvent))
        }
        var added = 0
        for type in next.everyType where typeIndexes[type.code].map({ !hasSamePools($0, type) }) ?? true {
            added += 1
        }
        if types.count + added > limits.typesPerEvent {
            found.append(.types(most: limits.typesPerEvent))
        }
        let newBatches = next.codes.count { !codes.names.contains($0.name) }
        if codes.names.count + newBatches > limits.codeBatchesEverPerEvent {
            found.append(.codeBatches(most: limits.codeBatchesEverPerEvent))
        }
        if holdTerms.count >= limits.termsPerEvent, indexOfTerms(HoldTerms(next), next.currency) == nil {
            found.append(.terms(most: limits.termsPerEvent))
        }
        return found
    }

    /// Makes `next` the definition in force. Live holds keep their terms.
    ///
    /// - Parameter sequence: the number of the fact that records it.
    mutating func adopt(_ next: EventDefinition, _ sequence: UInt64) {
        definition = next
        let promised = HoldTerms(next)
        let known = indexOfTerms(promised, next.currency)
        if known == nil {
            holdTerms.append(promised)
            currencies.append(next.currency)
        }
        terms = Terms(next, ofHolds: known ?? holdTerms.count - 1)
        if termsSince.last?.terms != terms.ofHolds {
            termsSince.append(TermsSince(sequence: sequence, terms: terms.ofHolds))
        }
        for index in pools.indices { pools[index].isRetired = true }
        for pool in next.everyPool {
            if let index = pools.firstIndex(where: { $0.code == pool.code }) {
                pools[index].isRetired = false
                if !pools[index].isOfAllocation { pools[index].setCapacity(pool.capacity) }
            } else {
                pools.append(Pool(code: pool.code, capacity: pool.capacity))
            }
        }
        for index in pools.indices where pools[index].isRetired && !pools[index].isOfAllocation {
            pools[index].setCapacity(0)
        }
        allocations = allocations(of: next)
        codes.adopt(next)
        adoptTypes(of: next)
        version += 1
    }

    /// The terms of a hold that was made by the fact with this number; `nil` if the event was not defined then.
    func terms(at sequence: UInt64) -> UInt16? {
        termsSince.last { $0.sequence < sequence }?.terms
    }

    private func indexOfTerms(_ wanted: HoldTerms, _ currency: String) -> Int? {
        holdTerms.indices.first { holdTerms[$0] == wanted && currencies[$0] == currency }
    }

    private mutating func adoptTypes(of next: EventDefinition) {
        let before = typeIndexes
        typeIndexes = [:]
        typeTerms = [:]
        for index in offers.indices { offers[index].isRetired = true }
        for type in next.everyType {
            if let index = before[type.code], hasSamePools(index, type) {
                types[index].name = type.name
                offers[index].price = type.price
                offers[index].isRetired = false
                typeIndexes[type.code] = index
            } else {
                let list = PoolList(type.pools.compactMap { code in pools.firstIndex { $0.code == code } })
                let first = types.firstIndex { $0.code == type.code } ?? types.count
                typeIndexes[type.code] = types.count
                types.append(TicketType(code: type.code, name: type.name))
                offers.append(Offer(pools: list, price: type.price, firstIndex: UInt16(first)))
            }
            if let terms = TypeTerms(type, most: next.ticketsPerHold), let index = typeIndexes[type.code] {
                typeTerms[index] = terms
            }
        }
    }

    /// The index of a type. Most events have few types, and a search through them is faster than hashing a text. Always
    /// inlined, and mutating though it changes nothing: a call would get a copy of the whole event.
    @inline(__always)
    mutating func typeIndex(of code: Code) -> Int? {
        guard types.count <= 8 else { return typeIndexes[code] }
        for index in types.indices where types[index].code == code && !offers[index].isRetired { return index }
        return nil
    }

    /// The index that the type has in the definition in force; `nil` if it is no longer sold.
    func indexNow(ofType index: UInt16) -> Int? {
        typeIndexes[types[Int(index)].code]
    }

    private func hasSamePools(_ known: Int, _ next: EventDefinition.TicketType) -> Bool {
        offers[known].pools.count == next.pools.count
            && zip(offers[known].pools, next.pools).allSatisfy { pools[$0].code == $1 }
    }

    /// Removes the event: nothing of it can be had, not by a late payment either.
    mutating func remove() {
        isRemoved = true
        for index in pools.indices {
            pools[index].isRetired = true
            if !pools[index].isOfAllocation { pools[index].setCapacity(0) }
        }
        allocations = []
        version += 1
    }

    /// - Parameter moment: `nil` undoes a cancellation.
    mutating func cancel(at moment: Timestamp?) {
        cancelledAt = moment
        hasPaidBack = false
        version += 1
    }

    /// Notes that a purchase was returned or a payment paid back.
    mutating func notePaidBack() {
        if cancelledAt != nil { hasPaidBack = true }
    }

    mutating func noteChange() {
        version += 1
    }

    /// Settles and changes each pool that `line` draws from.
    ///
    /// - Parameter holds: 1 for a hold's first line, else 0. The hold is counted in the first pool of its first line.
    @inline(__always)
    mutating func changePools(
        of line: HeldLine, holds: Int32, at now: Timestamp, _ change: (inout Pool, Share) -> Void
    ) {
        var share = Share(places: line.quantity, holds: holds)
        for index in offers[Int(line.type)].pools {
            pools[index].change(at: now) { change(&$0, share) }
            share.holds = 0
        }
        noteChange()
    }

    /// Whether there are `limit` live holds or more.
    ///
    /// Each hold has at least one place. So if fewer places are held, the pools need not be settled first.
    mutating func hasHolds(_ limit: Int, at now: Timestamp) -> Bool {
        var held = 0
        for index in pools.indices { held += pools[index].held }
        guard held >= limit else { return false }
        settle(at: now)
        return pools.reduce(0) { $0 + $1.holds } >= limit
    }

    /// Counts every pool up to `now`: expired holds give their places back.
    mutating func settle(at now: Timestamp) {
        for index in pools.indices {
            if pools[index].settle(at: now) { version += 1 }
        }
    }

    /// Tickets of the type at `index` that anybody could hold now: the smallest number free in any of its pools.
    func free(type index: Int, at wall: WallTime) -> Int {
        let offer = offers[index]
        guard !offer.isRetired else { return 0 }
        return offer.pools.map { pools[$0].isClosed ? 0 : open(pool: $0, at: wall) }.min() ?? 0
    }

    /// Tickets of the type at `index` in all: the smallest capacity of any of its pools.
    func capacity(type index: Int) -> Int {
        offers[index].pools.map { pools[$0].capacity }.min() ?? 0
    }

    /// Whether nothing of the type is free, but every pool that is short has live holds.
    func mayComeBack(type index: Int, at wall: WallTime) -> Bool {
        let short = offers[index].pools.filter { open(pool: $0, at: wall) == 0 }
        return !short.isEmpty && short.allSatisfy { openHeld(pool: $0, at: wall) > 0 && !pools[$0].isClosed }
    }
}

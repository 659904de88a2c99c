/// How many more people an event lets in (Q7 Admission): so many that they, and those inside, find about what is left.
///
/// `A·α·q + z·√(A·v) ≤ F + κ·(1−β)·H − D`. The left side is what `A` people take, on average and with a margin; the right side
/// what they can have: what is free, a part of what is held and will probably come back, without what people inside still want.
public struct Admission: Sendable, Equatable {
    /// `κ`: of the held places that will probably come back, this share counts. In our simulation, counting all of them let in
    /// 14 % of the people in vain.
    static let comingBack = 0.3
    /// `z`: how many standard deviations of what people take are kept as a margin.
    static let margin = 0.5

    /// Tickets that are free for types on sale.
    public var free: Int
    /// Tickets that are held, and would be free for anybody.
    public var held: Int
    /// People who were let in and have not asked yet.
    public var inside: Double
    public var learned: QueueLearning

    public init(free: Int, held: Int, inside: Double, learned: QueueLearning) {
        self.free = free
        self.held = held
        self.inside = inside
        self.learned = learned
    }

    /// What people who are let in now can have: the right side.
    public var left: Double { Double(free) + returning - wanted }

    /// Held tickets that are counted as coming back.
    public var returning: Double { Self.comingBack * (1 - learned.bought) * Double(held) }

    /// `D`: tickets that people inside still want.
    public var wanted: Double { inside * learned.asking * learned.places }

    /// How many people to let in now, 0 or more.
    ///
    /// With `x = √A` it is a quadratic inequality. If nobody is inside and something is free, it is 1 at least: rounding down
    /// to 0 would leave the last places to nobody.
    public var people: Int {
        let least = free > 0 && inside <= 0 ? 1 : 0
        let room = left
        guard room > 0 else { return least }
        let mean = learned.asking * learned.places
        let spread = Self.margin * learned.variance.squareRoot()
        let root = (-spread + (spread * spread + 4 * mean * room).squareRoot()) / (2 * mean)
        return max(least, Int(min(root * root, Double(Int32.max))))
    }
}

/// What an event's queue learned about its people. Each figure begins as if 20 observations had said what is usual.
public struct QueueLearning: Sendable, Equatable {
    /// The number of observations that the assumptions are worth. A smaller one lets in twice too many people at the start.
    static let worth = 20.0

    /// `α`: the share of people let in who ask for places.
    public private(set) var asking: Double
    /// `q`: the mean number of places that they take.
    public private(set) var places: Double
    /// `β`: the share of holds that are bought.
    public private(set) var bought: Double

    private var called = 0.0
    private var asked = 0.0
    private var takers = 0.0
    private var taken = 0.0
    private var takenSquared = 0.0
    private var ended = 0.0
    private var sold = 0.0
    private let assumedPlaces: Double

    private static let assumedAsking = 0.95
    /// The lowest share that is believed: with a lower one, one free place would let in a crowd.
    private static let leastAsking = 0.02
    private static let assumedBought = 0.8

    public init(ticketsPerHold: Int) {
        assumedPlaces = Double(min(4, max(1, ticketsPerHold)))
        asking = Self.assumedAsking
        places = assumedPlaces
        bought = Self.assumedBought
    }

    /// What a store recorded, as sums: people let in and those of them who asked; people who took places, the places and
    /// their squares; holds that ended and those of them that were bought.
    package init(
        assumedPlaces: Int, called: Int, asked: Int, takers: Int, taken: Int, takenSquared: Int, ended: Int, sold: Int
    ) {
        self.init(ticketsPerHold: assumedPlaces)
        (self.called, self.asked) = (Double(called), Double(asked))
        (self.takers, self.taken, self.takenSquared) = (Double(takers), Double(taken), Double(takenSquared))
        (self.ended, self.sold) = (Double(ended), Double(sold))
        reckon()
    }

    private mutating func reckon() {
        asking = max(Self.leastAsking, (Self.worth * Self.assumedAsking + asked) / (Self.worth + called))
        places = (Self.worth * assumedPlaces + taken) / (Self.worth + takers)
        bought = (Self.worth * Self.assumedBought + sold) / (Self.worth + ended)
    }

    /// `v`: the variance of what a person takes who is let in, nothing included.
    public var variance: Double {
        // Half the mean is the standard deviation that is assumed.
        let assumed = assumedPlaces * assumedPlaces * 1.25
        let squares = (Self.worth * assumed + takenSquared) / (Self.worth + takers)
        let mean = asking * places
        return max(0, asking * squares - mean * mean)
    }

    mutating func note(called people: Int, ofWhomAsked some: Int) {
        called += Double(people)
        asked += Double(min(some, people))
        reckon()
    }

    mutating func note(taken tickets: Int) {
        takers += 1
        taken += Double(tickets)
        takenSquared += Double(tickets) * Double(tickets)
        reckon()
    }

    mutating func noteEnded(isBought: Bool) {
        ended += 1
        if isBought { sold += 1 }
        reckon()
    }
}

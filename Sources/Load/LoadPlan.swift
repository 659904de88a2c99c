/// What a run of load asks, how often, and for how long.
public struct LoadPlan: Sendable, Equatable {
    /// What the shoppers do.
    public enum Scenario: String, Sendable, CaseIterable {
        /// Look at what is left, again and again.
        case availability
        /// Hold a ticket, and never come back for it.
        case hold
        /// Hold and purchase, with a share that abandons, releases, pays when the hold is over, and asks twice with the
        /// same key.
        case sale
        /// Ask for a ticket where there is none: every answer is a refusal.
        case soldout
        /// Look at what is left on a new connection each time.
        case churn
    }

    /// Which of the service's two faces is asked.
    public enum Face: String, Sendable, CaseIterable {
        case classic, v1
    }

    /// When the requests of an open loop are due.
    public enum Arrivals: String, Sendable, CaseIterable {
        /// One after another in equal steps.
        case fixed
        /// At random, as independent shoppers come.
        case poisson
    }

    public var scenario = Scenario.availability
    public var face = Face.classic
    /// The event that v1 is asked about.
    public var event = "main"
    /// The ticket type that is asked for.
    public var type = "GA"
    /// Connections at once.
    public var connections = 64
    /// Requests a second over all connections; nil for a closed loop: each connection asks again when it was answered.
    public var rate: Double?
    public var arrivals = Arrivals.fixed
    /// What is measured.
    public var duration: Duration = .seconds(30)
    /// Before it; not measured, but in the books.
    public var warmUp: Duration = .seconds(2)
    /// Shares in percent of what shoppers of a sale do with a hold; the rest purchases.
    public var abandons = 10
    public var releases = 10
    /// Those who pay when the hold is over; if that is later than the end of the run, it is as if they abandoned.
    public var late = 5
    /// Share in percent of holds (v1) and purchases that are asked for a second time.
    public var repeats = 5
    /// Where the random choices come from.
    public var seed: UInt64 = 1
    /// Threads that ask.
    public var threads = 1

    public init() {}
}

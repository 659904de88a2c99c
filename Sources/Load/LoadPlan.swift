/// What a run of load sends, how often, and for how long.
public struct LoadPlan: Sendable, Equatable {
    /// What the shoppers do.
    public enum Scenario: String, Sendable, CaseIterable {
        /// Read the availability, again and again.
        case availability
        /// Hold a ticket and abandon it.
        case hold
        /// Hold and purchase. A share of shoppers abandons, releases, pays after the hold has ended, or sends the same
        /// request twice with the same key.
        case sale
        /// Ask for a ticket of a sold-out event: every answer is a refusal.
        case soldout
        /// Read the availability on a new connection each time.
        case churn
    }

    /// Which of the service's two APIs is used.
    public enum Face: String, Sendable, CaseIterable {
        case classic, v1
    }

    /// When the requests of an open loop are due.
    public enum Arrivals: String, Sendable, CaseIterable {
        /// At equal intervals.
        case fixed
        /// At random, as independent shoppers arrive.
        case poisson
    }

    /// What the shoppers do.
    public var scenario = Scenario.availability
    public var face = Face.classic
    /// The event for requests to v1.
    public var event = "main"
    /// The ticket type to hold.
    public var type = "GA"
    /// Connections at once.
    public var connections = 64
    /// Requests a second over all connections; nil for a closed loop, where a connection sends its next request when it
    /// has the answer to the last one.
    public var rate: Double?
    public var arrivals = Arrivals.fixed
    /// The measured time.
    public var duration: Duration = .seconds(30)
    /// The time before it. It is not measured, but its holds and purchases count in the final check.
    public var warmUp: Duration = .seconds(2)
    /// What share of shoppers in a sale does what with a hold, in percent. The rest purchases.
    public var abandons = 10
    /// In percent, as ``abandons``.
    public var releases = 10
    /// The share that pays after the hold has ended. If the hold ends after the run, they abandon it.
    public var late = 5
    /// The share of holds (v1) and purchases that are sent a second time, in percent.
    public var repeats = 5
    /// The seed of the random choices.
    public var seed: UInt64 = 1
    /// Threads that send requests.
    public var threads = 1

    public init() {}
}

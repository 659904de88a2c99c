/// What people who wait may expect (Q8 Honest information): the probability that there is still something when they are called.
///
/// `k` people ahead buy `kμ` places on average, with the variance `ks² + k²τ²`: each person differs, and `μ` itself is only an
/// estimate. What they leave has to be enough for a person who asks for `q̄`. So the probability is
/// `Φ((L − q̄ − kμ)/√(ks² + k²τ²))`, and its words have fixed borders.
public struct QueueForecast: Sendable, Equatable {
    /// `L`: places that are left: free, and those of holds that will end without a purchase.
    public var left: Double
    /// `q̄`: the places that a person asks for on average.
    public var asked: Double
    /// `μ`: the places that a person who is called buys on average, those who ask for none among them.
    public var bought: Double
    /// `s²`: how much persons differ in that.
    public var variance: Double
    /// `τ²`: the variance of the estimate `μ`.
    public var uncertainty: Double

    public init(left: Double, asked: Double, bought: Double, variance: Double, uncertainty: Double) {
        self.left = left
        self.asked = asked
        self.bought = bought
        self.variance = variance
        self.uncertainty = uncertainty
    }

    /// The odds in words.
    public enum Odds: String, Sendable, CaseIterable, Comparable {
        /// Less than 5 %.
        case hardly
        /// Less than 20 %.
        case unlikely
        /// Less than 80 %.
        case open
        case likely

        /// The score from which on a probability has this word: the quantiles of the normal distribution at 0.05, 0.2 and 0.8.
        fileprivate var least: Double {
            switch self {
            case .hardly: -.infinity
            case .unlikely: -1.644_853_626_951_472
            case .open: -0.841_621_233_572_914
            case .likely: 0.841_621_233_572_914
            }
        }

        public static func < (left: Odds, right: Odds) -> Bool { left.least < right.least }
    }

    /// By how many standard deviations the places left exceed what a person with so many ahead needs. `Φ` of it is the
    /// probability.
    public func score(ahead people: Double) -> Double {
        // The person who comes next finds what there is.
        guard people > 0 else { return left >= 1 ? .infinity : -.infinity }
        let rest = left - asked - people * bought
        let deviation = (people * variance + people * people * uncertainty).squareRoot()
        guard deviation > 0 else { return rest >= 0 ? .infinity : -.infinity }
        return rest / deviation
    }

    public func odds(ahead people: Int) -> Odds {
        let score = score(ahead: Double(people))
        return Odds.allCases.last { score >= $0.least } ?? .hardly
    }

    /// How many people have these odds or better, from the one who comes next on; at most `most`.
    ///
    /// Found by halving: more people ahead never make the odds better, unless less is left than a person asks for. Then only the
    /// next person can hope.
    public func people(with odds: Odds, most: Int) -> Int {
        guard most > 0, left >= 1, odds > .hardly else { return odds == .hardly ? max(0, most) : 0 }
        guard left > asked else { return 1 }
        var (enough, tooMany) = (0, most)
        while enough + 1 < tooMany {
            let middle = enough + (tooMany - enough) / 2
            if self.odds(ahead: middle) >= odds { enough = middle } else { tooMany = middle }
        }
        return enough + 1
    }
}

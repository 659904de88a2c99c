package import BoxOffice
internal import StrictJSON
internal import TicketStore

/// What the public document of a queue says, without the time at which it says so.
package struct QueueFacts: Equatable, Sendable {
    package var event: Code
    /// `nil` before the queue opens.
    package var commitment: String?
    /// The name of the public value that the definition announces for the draw.
    package var announced: String?
    /// When it opens, as long as it is closed.
    package var opensAt: WallTime?
    package var phase: QueueView.Phase
    package var joined: UInt32
    package var present: UInt32
    package var head: UInt32
    package var calledPerMinute: Int
    /// Positions before these have the word's odds, or better ones.
    package var likelyUpTo: UInt32
    package var openUpTo: UInt32
    package var unlikelyUpTo: UInt32
    package var wait: ClosedRange<Int>?
    package var count: UInt32?
    /// Only after the draw.
    package var draw: PublishedDraw?
    package var receiptKeys: [String]

    package struct PublishedDraw: Equatable, Sendable {
        package var secret: String
        package var beacon: String?
        /// Whether the announced value came in time; `nil` if none was announced.
        package var isWitnessed: Bool?
        package var seed: String
    }

    /// A queue that is not open yet.
    init(closed event: Code, opensAt: WallTime?, announced: String?, receiptKeys: [String]) {
        self.event = event
        self.announced = announced
        self.opensAt = opensAt
        self.receiptKeys = receiptKeys
        phase = .closed
        (joined, present, head, calledPerMinute) = (0, 0, 0, 0)
        (likelyUpTo, openUpTo, unlikelyUpTo) = (0, 0, 0)
    }

    init(
        _ name: QueueName, _ view: QueueView, announced: String?, pace: QueuePace, receiptKeys: [String],
        at now: Moment
    ) {
        event = name.event
        self.announced = announced
        commitment = name.commitment.hexDigits
        phase = view.phase
        joined = view.joined
        present = view.present
        head = min(view.head, view.joined)
        calledPerMinute = Int(view.calledPerMinute)
        wait = pace.secondsPerHundred(at: now.office)
        count = view.count
        self.receiptKeys = receiptKeys
        let waiting = joined - head
        let forecast = QueueForecast(view.admission)
        // Entries that nobody looks at take nothing.
        let share = waiting > 0 && present > 0 ? min(1, Double(present) / Double(waiting)) : 1
        let (first, last) = (head, joined)
        func upTo(_ odds: QueueForecast.Odds) -> UInt32 {
            let people = forecast.people(with: odds, most: Int(waiting) + 1)
            return UInt32(min(Double(last), Double(first) + Double(people) / share))
        }
        let isOver = view.phase == .over
        likelyUpTo = isOver ? first : upTo(.likely)
        openUpTo = isOver ? first : upTo(.open)
        unlikelyUpTo = isOver ? first : upTo(.unlikely)
        if let count, let beacon = view.beacon {
            let seed = QueueDraw.seed(secret: view.secret, count: Int(count), event: name.event, beacon: beacon.text)
            draw = PublishedDraw(
                secret: view.secret.hexDigits, beacon: beacon.value, isWitnessed: beacon.isWitnessed,
                seed: seed.hexDigits)
        }
    }
}

extension QueueBeacon {
    /// The value, if one came.
    fileprivate var value: String? {
        if case .given(let value) = self { value.text } else { nil }
    }

    fileprivate var isWitnessed: Bool? {
        switch self {
        case .notAnnounced: nil
        case .missed: false
        case .given: true
        }
    }
}

extension QueueForecast {
    /// What people who wait may expect of what is free and held now.
    init(_ admission: Admission) {
        let learned = admission.learned
        let taken = learned.asking * learned.places
        let bought = taken * learned.bought
        let spread = learned.bought * (learned.variance + taken * taken) - bought * bought
        self.init(
            left: Double(admission.free) + (1 - learned.bought) * Double(admission.held) - admission.inside * bought,
            asked: learned.places, bought: bought, variance: max(0, spread),
            // As if the mean were of as many people as the assumptions are worth.
            uncertainty: max(0, spread) / Self.peopleOfMean)
    }

    private static let peopleOfMean = 20.0
}

/// The public document of a queue: the same for everybody, so that a cache between can serve it to millions.
package final class QueueDocument: Sendable {
    package let facts: QueueFacts
    private let at: Moment
    /// An entity tag, weak because the moments in the document are not a part of it.
    package let tag: String
    let strongTag: String
    package let body: [UInt8]

    /// A cache between may serve it for a second (RFC 9111).
    static let caching = "public, max-age=1"
    /// For a second the same document serves.
    static let pollAfter = Duration.seconds(5)
    private static let age = Duration.seconds(1)

    package init(_ facts: QueueFacts, at now: Moment) {
        self.facts = facts
        at = now
        var writer = JSONWriter(reserving: 1_024)
        writer.object { Self.write(facts, at: now, to: &$0) }
        body = writer.bytes
        strongTag = "\"" + AvailabilityDocument.digest(Self.written(facts)) + "\""
        tag = "W/" + strongTag
    }

    func isOld(at now: Moment) -> Bool {
        at.office.advanced(by: Self.age) <= now.office
    }

    private static func written(_ facts: QueueFacts) -> [UInt8] {
        var writer = JSONWriter(reserving: 1_024)
        writer.object { write(facts, at: nil, to: &$0) }
        return writer.bytes
    }

    /// - Parameter now: `nil` to leave moments out.
    static func write(_ facts: QueueFacts, at now: Moment?, to writer: inout JSONWriter) {
        writer.member("event", facts.event.text)
        writer.member("phase", facts.phase.rawValue)
        writer.member("opens_at") { $0.value(rfc3339: facts.opensAt?.milliseconds) }
        writer.member("joined", facts.joined)
        writer.member("present", facts.present)
        writer.member("head", facts.head)
        writer.member("called_per_minute", facts.calledPerMinute)
        writer.member("odds") { value in
            value.object { odds in
                odds.member("likely_up_to", facts.likelyUpTo)
                odds.member("open_up_to", facts.openUpTo)
                odds.member("unlikely_up_to", facts.unlikelyUpTo)
            }
        }
        writer.member("wait") { value in
            value.object { wait in
                wait.member("seconds_per_hundred") { value in
                    guard let range = facts.wait else { return value.value(String?.none) }
                    value.array { list in
                        list.value(range.lowerBound)
                        list.value(range.upperBound)
                    }
                }
            }
        }
        writer.member("draw") { value in
            value.object { draw in
                draw.member("commitment", facts.commitment)
                draw.member("count", facts.count)
                draw.member("secret", facts.draw?.secret)
                draw.member("beacon_name", facts.announced)
                draw.member("beacon", facts.draw?.beacon)
                draw.member("witnessed") { value in
                    guard let isWitnessed = facts.draw?.isWitnessed else { return value.value(String?.none) }
                    value.value(isWitnessed)
                }
                draw.member("seed", facts.draw?.seed)
            }
        }
        writer.member("receipt_keys") { value in
            value.array { list in for key in facts.receiptKeys { list.value(key) } }
        }
        if let now { writer.member("server_time") { $0.value(rfc3339: now.wall.milliseconds) } }
        writer.member("poll_after_ms", pollAfter.inMilliseconds)
    }
}

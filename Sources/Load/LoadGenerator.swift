internal import DequeModule
// For the logarithm.
internal import Foundation
internal import Histogram
internal import NIOCore
internal import NIOPosix
internal import Workload

/// The connections of one event loop: decides when each sends a request, and measures the answers. Lives on its loop.
final class LoadGenerator {
    private let plan: LoadPlan
    private let target: LoadTarget
    private let loop: any EventLoop
    private let connections: Int
    private let firstNumber: Int
    private let run: UInt64
    private let texts: RequestTexts
    private let life: TimeAmount?
    private let publish: @Sendable (LoadSecond) -> Void

    /// Free connections; the one that has been free for the longest time is used first, so that an open loop uses all.
    private var free: Deque<LoadConnection> = []
    private var all: [ObjectIdentifier: LoadConnection] = [:]
    private var made = 0
    private var opening = 0
    private var past = LoadTally()
    /// Requests of an open loop that are due and have no connection yet.
    private var due: Deque<NIODeadline> = []
    private var nextDue = NIODeadline.now()
    private var chance: SeededGenerator
    private var isAsking = true
    private var measuresFrom = NIODeadline.distantFuture
    private var measuresUntil = NIODeadline.distantFuture
    private var second = LoadSecond()
    /// How many seconds of the measured time are not published yet.
    private var secondsLeft: Int
    private var unexpected: [Int: Int] = [:]
    private var connectFailures = 0
    private(set) var latencies = Histogram<UInt64>(
        highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)

    /// Whether each request uses a new connection.
    var connectsAnew: Bool { plan.scenario == .churn }

    /// - Parameter life: how long the store keeps a hold, if that is known.
    init(
        _ plan: LoadPlan, target: LoadTarget, life: TimeAmount?, loop: any EventLoop, connections: Int,
        firstNumber: Int, run: UInt64, publish: @escaping @Sendable (LoadSecond) -> Void
    ) {
        self.plan = plan
        self.target = target
        self.loop = loop
        self.connections = connections
        self.firstNumber = firstNumber
        self.run = run
        self.life = life
        texts = RequestTexts(plan, target: target)
        self.publish = publish
        chance = SeededGenerator(seed: plan.seed &+ UInt64(firstNumber))
        secondsLeft = Int(plan.duration.components.seconds)
    }

    func open() {
        let now = NIODeadline.now()
        measuresFrom = now + TimeAmount(plan.warmUp)
        measuresUntil = measuresFrom + TimeAmount(plan.duration)
        nextDue = now
        for _ in 0..<connections { connect() }
        if plan.rate != nil { tick() }
        publish(in: TimeAmount(plan.warmUp) + .seconds(1))
    }

    private func connect() {
        opening += 1
        made += 1
        let shopper = Shopper(
            plan, texts: texts, life: life, number: firstNumber + made * 1_000, run: run)
        let generator = NIOLoopBound(self, eventLoop: loop)
        let bound = NIOLoopBound(LoadConnection(shopper, generator: self), eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(host: target.host, port: target.port)
            .whenComplete { result in
                generator.value.opening -= 1
                switch result {
                case .success: generator.value.all[ObjectIdentifier(bound.value)] = bound.value
                case .failure:
                    generator.value.connectFailures += 1
                    generator.value.loop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
                        if generator.value.isAsking { generator.value.connect() }
                    }
                }
            }
    }

    // MARK: Called by connections

    func isFree(_ connection: LoadConnection, at now: NIODeadline) {
        guard isAsking else { return }
        guard plan.rate != nil else {
            return connection.ask(due: now, at: now, isMeasured: isMeasuring(now))
        }
        if let moment = due.popFirst() {
            connection.ask(due: moment, at: now, isMeasured: isMeasuring(moment))
        } else {
            free.append(connection)
        }
    }

    func isGone(_ connection: LoadConnection) {
        guard all.removeValue(forKey: ObjectIdentifier(connection)) != nil || connectsAnew else { return }
        free.removeAll { $0 === connection }
        past.add(connection.shopper.tally)
        if isAsking { connect() }
    }

    func answered(_ due: NIODeadline, at now: NIODeadline, isMeasured: Bool, isGood: Bool) {
        guard isMeasured else { return }
        let microseconds = UInt64(max(0, (now - due).nanoseconds / 1_000))
        if isGood {
            latencies.record(microseconds)
            second.latencies.record(microseconds)
            second.answers += 1
        } else {
            second.errors += 1
        }
    }

    func noteUnexpected(_ status: Int) {
        unexpected[status, default: 0] += 1
    }

    private func isMeasuring(_ moment: NIODeadline) -> Bool {
        moment >= measuresFrom && moment < measuresUntil
    }

    // MARK: Time

    /// Runs every millisecond: sends the requests that are due, or queues them with their due time until a connection
    /// is free.
    private func tick() {
        guard isAsking, let rate = plan.rate else { return }
        let share = rate * Double(connections) / Double(plan.connections)
        let now = NIODeadline.now()
        while nextDue <= now {
            if let connection = free.popFirst() {
                connection.ask(due: nextDue, at: now, isMeasured: isMeasuring(nextDue))
            } else {
                due.append(nextDue)
            }
            let step = plan.arrivals == .fixed ? 1 : exponential()
            nextDue = nextDue + .nanoseconds(Int64(step * 1_000_000_000 / share))
        }
        loop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { self.tick() }
    }

    /// A random gap between two requests, exponentially distributed with mean 1.
    private func exponential() -> Double {
        -log(Double(chance.next() >> 11 &+ 1) / 9_007_199_254_740_992)
    }

    /// Publishes each second of the measured time as soon as it has passed.
    private func publish(in time: TimeAmount) {
        loop.assumeIsolated().scheduleTask(in: time) {
            guard self.secondsLeft > 0 else { return }
            self.publishNow()
            self.publish(in: .seconds(1))
        }
    }

    private func publishNow() {
        secondsLeft -= 1
        publish(second)
        second = LoadSecond()
    }

    // MARK: The end

    /// Sends nothing new. Requests under way may still be answered.
    func stopAsking() {
        isAsking = false
    }

    var isQuiet: Bool { !all.values.contains { $0.isBusy } }

    /// Closes all connections and returns what they measured. Requests without an answer by now count as lost.
    func close() -> LoadResult {
        for connection in all.values {
            connection.giveUp()
            past.add(connection.shopper.tally)
        }
        // The last second ends at the same moment as the run.
        if secondsLeft > 0 { publishNow() }
        var tally = past
        tally.unexpected = unexpected.values.reduce(0, +)
        let open = all.values
        all = [:]
        for connection in open { connection.close() }
        return LoadResult(
            tally: tally, latencies: latencies, unexpected: unexpected, connectFailures: connectFailures,
            neverSent: due.count)
    }
}

/// What one loop measured.
struct LoadResult: Sendable {
    var tally: LoadTally
    var latencies: Histogram<UInt64>
    /// Statuses that are no answer to their request, and how often they came.
    var unexpected: [Int: Int]
    var connectFailures: Int
    /// Requests of an open loop for which no connection became free until the end.
    var neverSent: Int
}

/// A second of a run.
public struct LoadSecond: Sendable {
    /// Good answers, and all others.
    public var answers = 0
    public var errors = 0
    /// Free tickets of the plan's type at the end of the second; nil if the service does not say or answers too late.
    public var left: Int?
    var latencies = Histogram<UInt64>(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .two)

    mutating func add(_ other: LoadSecond) {
        answers += other.answers
        errors += other.errors
        latencies.add(other.latencies)
    }

    /// The latency in microseconds below which `percentile` percent of answers came; 0 if there were none.
    public func microseconds(at percentile: Double) -> UInt64 {
        latencies.totalCount == 0 ? 0 : latencies.valueAtPercentile(percentile)
    }
}

internal import Logging
internal import NIOCore
internal import NIOSSL

/// The client on its event loop: sends calls to the right nodes, and does what follows from the replies.
final class ClientCore {
    typealias MasterOutcomes = @Sendable ([(node: RedisNode, outcome: RedisClient.Outcome)]) -> Void

    let configuration: RedisConfiguration
    let eventLoop: any EventLoop
    let logger: Logger
    let tls: NIOSSLContext?
    let observer: (any RedisObserver)?
    private let isCluster: Bool
    private let seeds: [RedisNode]
    private var cluster: ClusterMachine
    private var links: [RedisNode: NodeLink] = [:]
    /// The links that were written to in this tick of the loop.
    private var written: [NodeLink] = []
    /// Calls that wait for the map of the cluster.
    private var waiting: BoundedQueue<Waiting>
    private var waitingTimer: Scheduled<Void>?
    private var lookTimer: Scheduled<Void>?
    private var lookAt = NIODeadline.distantFuture
    /// Calls that are sent again later.
    private var delayed = 0
    /// Running work of several calls (``RedisClient/perform(_:)``).
    private var work = 0
    private var isStopping = false
    private var waiters: [@Sendable () -> Void] = []
    /// Why the cluster could not be asked.
    private var lastFailure = ConnectionFailure.none

    private enum Waiting {
        case call(RedisCall)
        case everyMaster(RedisCommand, deadline: NIODeadline, MasterOutcomes)
    }

    init(
        configuration: RedisConfiguration, eventLoop: any EventLoop, observer: (any RedisObserver)?, logger: Logger
    ) throws(ConnectionFailure) {
        self.observer = observer
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        tls = try configuration.tls?.context()
        switch configuration.servers {
        case .standalone(let node): seeds = [node]
        case .cluster(let nodes): seeds = nodes
        }
        isCluster = configuration.isCluster
        cluster = ClusterMachine(seeds: seeds, limits: configuration.limits, timeouts: configuration.timeouts)
        waiting = BoundedQueue(capacity: configuration.limits.waiting)
    }

    /// Evenly distributed from 0 to below 1.
    func chance() -> Double { Double.random(in: 0..<1) }

    func start() {
        guard !isStopping else { return }
        if isCluster { look() } else { link(to: seeds[0]).start() }
    }

    func stop() {
        guard !isStopping else { return }
        isStopping = true
        lookTimer?.cancel()
        waitingTimer?.cancel()
        for call in waiting.removeAll() { refuse(call, .stopping) }
        for link in Array(links.values) { link.close() }
        tellIfStopped()
    }

    func whenStopped(_ done: @escaping @Sendable () -> Void) {
        waiters.append(done)
        tellIfStopped()
    }

    func beginWork() { work += 1 }

    func endWork() {
        work -= 1
        tellIfStopped()
    }

    func take(_ requests: [RedisRequest]) {
        let now = NIODeadline.now()
        for request in requests {
            let call = RedisCall(request, configuration: configuration)
            if let refusal = refusal(of: request, at: now) {
                request.fail(.notSent(refusal))
            } else if request.commands.isEmpty {
                call.complete(isCluster: isCluster)
            } else {
                send(call, at: now)
            }
        }
        flush()
    }

    func callEachMaster(_ command: RedisCommand, deadline: NIODeadline, _ done: @escaping MasterOutcomes) {
        guard !isStopping else { return done([(RedisNode(host: "", port: 0), .failure(.notSent(.stopping)))]) }
        guard isCluster else { return call(command, on: seeds, deadline: deadline, done) }
        guard cluster.map != nil else { return wait(.everyMaster(command, deadline: deadline, done), until: deadline) }
        call(command, on: cluster.masters, deadline: deadline, done)
    }

    func lookAnew() {
        if isCluster { look() }
    }

    /// Sends what was written in this tick.
    func flush() {
        // Sending may find that a connection is gone, which may call this again.
        while let link = written.popLast() { link.flush() }
    }

    func noteWritten(_ link: NodeLink) {
        if written.last !== link { written.append(link) }
    }

    /// A connection is gone: the map of the cluster may change.
    func noteLost(_ link: NodeLink) {
        lookAnew()
    }

    /// A closed link has no connection left.
    func noteGone(_ link: NodeLink) {
        guard link.isGone else { return }
        if links[link.node] === link {
            links[link.node] = nil
            observer?.left(link.node)
        }
        tellIfStopped()
    }

    /// A call was not sent.
    func refuse(_ call: RedisCall, _ reason: RedisFailure.NotSent) {
        if isCluster, !call.isPinned, case .notConnected = reason { look() }
        call.request.fail(.notSent(reason))
    }

    /// One command of a call was answered, or lost its answer.
    func answer(_ call: RedisCall, _ answer: RedisCall.Answer, at index: Int, from link: NodeLink) {
        guard call.take(answer, at: index) else { return }
        if let observer {
            observer.answered(by: link.node, took: .now() - call.sentAt, acknowledged: call.acknowledged)
        }
        if isCluster, !call.isPinned, let replies = call.replies {
            let commands = call.request.commands
            let (verdict, moved) = call.redirects.decide(
                replies, isRepeatable: { commands[$0].isRepeatable }, from: link.node)
            if let moved { cluster.moved(moved) }
            if replies.contains(where: \.tellsOfChange) { look() }
            switch verdict {
            case .over: break
            case .again(let node, let asking):
                call.forget(asking: asking)
                return sendAgain(call, to: node)
            case .later:
                call.forget(asking: false)
                return sendLater(call)
            }
        }
        if !isCluster, let replies = call.replies, replies.contains(where: \.tellsOfChange) { link.renew() }
        call.complete(isCluster: isCluster)
    }
}

// MARK: - Sending

extension ClientCore {
    private func refusal(of request: RedisRequest, at now: NIODeadline) -> RedisFailure.NotSent? {
        if isStopping { return .stopping }
        if request.commands.contains(where: \.isTooLarge) { return .tooLarge }
        return request.deadline <= now ? .timedOut : nil
    }

    private func send(_ call: RedisCall, at now: NIODeadline) {
        guard isCluster else { return link(to: seeds[0]).ask(call, at: now) }
        switch cluster.route(call.request.slot, chance: call.request.slot == nil ? chance() : 0) {
        case .to(let node): link(to: node).ask(call, at: now)
        case .unknown: wait(.call(call), until: call.request.deadline)
        case .unserved:
            look()
            call.request.fail(.unavailable(.clusterDown))
        }
    }

    private func sendAgain(_ call: RedisCall, to node: RedisNode) {
        let now = NIODeadline.now()
        if let refusal = refusal(of: call.request, at: now) { return call.request.fail(.notSent(refusal)) }
        link(to: node).ask(call, at: now)
    }

    private func sendLater(_ call: RedisCall) {
        delayed += 1
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(call.backoff.next(chance: chance()))) {
            self.delayed -= 1
            let now = NIODeadline.now()
            if let refusal = self.refusal(of: call.request, at: now) {
                call.request.fail(.notSent(refusal))
            } else {
                self.send(call, at: now)
                self.flush()
            }
            self.tellIfStopped()
        }
    }

    private func call(
        _ command: RedisCommand, on nodes: [RedisNode], deadline: NIODeadline, _ done: @escaping MasterOutcomes
    ) {
        guard !nodes.isEmpty else {
            return done([(RedisNode(host: "", port: 0), .failure(.unavailable(.clusterDown)))])
        }
        let tally = NIOLoopBound(Tally(nodes.count, done), eventLoop: eventLoop)
        let now = NIODeadline.now()
        for node in nodes {
            let request = RedisRequest(command, slot: nil, deadline: deadline) { outcome in
                tally.value.add(node, outcome)
            }
            if let refusal = refusal(of: request, at: now) {
                request.fail(.notSent(refusal))
            } else {
                link(to: node).ask(RedisCall(request, isPinned: true, configuration: configuration), at: now)
            }
        }
        flush()
    }

    private func link(to node: RedisNode) -> NodeLink {
        if let link = links[node] { return link }
        let link = NodeLink(node, core: self)
        links[node] = link
        return link
    }

    private func tellIfStopped() {
        guard isStopping, links.isEmpty, delayed == 0, work == 0 else { return }
        let waiters = waiters
        self.waiters.removeAll()
        for waiter in waiters { waiter() }
    }
}

/// Gathers the outcomes of several nodes.
private final class Tally {
    private var missing: Int
    private var outcomes: [(node: RedisNode, outcome: RedisClient.Outcome)] = []
    private let done: ClientCore.MasterOutcomes

    init(_ count: Int, _ done: @escaping ClientCore.MasterOutcomes) {
        missing = count
        self.done = done
    }

    func add(_ node: RedisNode, _ outcome: RedisClient.Outcome) {
        outcomes.append((node, outcome))
        missing -= 1
        if missing == 0 { done(outcomes) }
    }
}

// MARK: - The map of the cluster

extension ClientCore {
    /// Waits until the map is known. Asks for it, unless that was done just now.
    private func wait(_ waiting: Waiting, until deadline: NIODeadline) {
        if case .notBefore = look() { return refuse(waiting, .notConnected(lastFailure)) }
        guard self.waiting.add(waiting, deadline: deadline) else { return refuse(waiting, .queueFull) }
        armWaiting()
    }

    private func refuse(_ waiting: Waiting, _ reason: RedisFailure.NotSent) {
        switch waiting {
        case .call(let call): call.request.fail(.notSent(reason))
        case .everyMaster(_, _, let done): done([(RedisNode(host: "", port: 0), .failure(.notSent(reason)))])
        }
    }

    private func armWaiting() {
        guard let earliest = waiting.earliest else { return }
        waitingTimer?.cancel()
        waitingTimer = eventLoop.assumeIsolated().scheduleTask(deadline: earliest) {
            for call in self.waiting.expire(at: .now()) { self.refuse(call, .timedOut) }
            self.armWaiting()
        }
    }

    /// Asks some nodes for the map.
    @discardableResult
    private func look() -> ClusterMachine.LookAction {
        let now = NIODeadline.now()
        let action = isStopping ? .notBefore(.distantFuture) : cluster.look(at: now, chance: chance())
        switch action {
        case .underWay: break
        case .notBefore(let moment): lookAgain(at: moment)
        case .ask(let nodes, let poll):
            lookTimer?.cancel()
            lookAt = .distantFuture
            for node in nodes { ask(node, poll, at: now) }
            flush()
        }
        return action
    }

    private func lookAgain(at moment: NIODeadline) {
        guard !isStopping, moment < lookAt else { return }
        lookTimer?.cancel()
        lookAt = moment
        lookTimer = eventLoop.assumeIsolated().scheduleTask(deadline: moment) {
            self.lookAt = .distantFuture
            self.look()
        }
    }

    private func ask(_ node: RedisNode, _ poll: Int, at now: NIODeadline) {
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        let request = RedisRequest(
            RedisCommand("CLUSTER", "SLOTS", isRepeatable: true), slot: nil,
            deadline: now + TimeAmount(configuration.timeouts.connect)
        ) { outcome in
            core.value.heard(outcome, from: node, poll)
        }
        link(to: node).ask(RedisCall(request, isPinned: true, configuration: configuration), at: now)
    }

    private func heard(_ outcome: RedisClient.Outcome, from node: RedisNode, _ poll: Int) {
        // A link that is opened now would never be closed.
        guard !isStopping else { return }
        var map: ClusterMap?
        do {
            map = try ClusterMap(slots: outcome.get(), from: node, limit: configuration.limits.nodes)
        } catch let failure as RedisFailure {
            switch failure {
            case .notSent(.notConnected(let reason)): lastFailure = reason
            case .refused(let error): lastFailure = .handshakeRefused(error)
            default: break
            }
            logger.debug(
                "A Redis node does not say which slots the nodes have",
                metadata: ["redis.node": "\(node)", "reason": "\(failure)"])
        } catch {
            logger.warning(
                "A Redis node says something impossible about the cluster's slots",
                metadata: ["redis.node": "\(node)", "reason": "\(error)"])
        }
        switch cluster.heard(map, of: poll) {
        case .wait: return
        case .adopt(let isNew): adopt(isNew: isNew)
        case .failed: for call in waiting.removeAll() { refuse(call, .notConnected(lastFailure)) }
        }
        lookAgain(at: cluster.nextLook(at: .now()))
    }

    private func adopt(isNew: Bool) {
        if isNew {
            logger.info(
                "The masters of the Redis cluster have changed",
                metadata: [
                    "redis.masters": "\(cluster.masters.count)", "redis.slots": "\(cluster.map?.covered ?? 0)",
                ])
        }
        for link in Array(links.values) where !cluster.knows(link.node) { link.close(isReplaced: true) }
        for master in cluster.masters { link(to: master).start() }
        let now = NIODeadline.now()
        for next in waiting.removeAll() {
            switch next {
            case .call(let call): send(call, at: now)
            case .everyMaster(let command, let deadline, let done):
                self.call(command, on: cluster.masters, deadline: deadline, done)
            }
        }
        flush()
    }
}

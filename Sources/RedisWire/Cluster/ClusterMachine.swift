package import NIOCore

/// The map of a cluster, how it is asked for, and which answer is believed.
///
/// It asks several nodes at a time and takes the answer of the majority: a node that was cut off from the others has an
/// old map. As soon as more than half agree, it waits for no more.
package struct ClusterMachine: ~Copyable {
    package enum Route: Equatable {
        case to(RedisNode)
        /// There is no map yet: it is to be asked for first.
        case unknown
        /// No master has the slot.
        case unserved
    }

    package enum LookAction: Equatable {
        /// Ask these nodes, and hand each answer to ``heard(_:of:)`` with this number.
        case ask([RedisNode], poll: Int)
        case underWay
        /// The nodes were asked just now; not again before this moment.
        case notBefore(NIODeadline)
    }

    package enum HeardAction: Equatable {
        case wait
        /// The map is taken; `isNew` if it differs from the one before.
        case adopt(isNew: Bool)
        /// No node gave a usable answer.
        case failed
    }

    private struct Poll {
        let number: Int
        var missing: Int
        let asked: Int
        var views: [(map: ClusterMap, votes: Int)] = []
    }

    private static let noMaster = UInt16.max

    private let seeds: [RedisNode]
    private let polled: Int
    private let shortest: TimeAmount
    private let longest: TimeAmount
    package private(set) var map: ClusterMap?
    /// For each slot the index of its master in `nodes`.
    private var owners = [UInt16](repeating: Self.noMaster, count: RedisSlot.count)
    private var nodes: [RedisNode] = []
    private var poll: Poll?
    private var polls = 0
    /// Whether no node answered the last time.
    private var hasFailed = false
    private var notBefore = NIODeadline.uptimeNanoseconds(0)

    package init(
        seeds: [RedisNode], limits: RedisConfiguration.Limits, timeouts: RedisConfiguration.Timeouts
    ) {
        precondition(!seeds.isEmpty && limits.polled > 0, "there must be a node to ask")
        self.seeds = seeds
        polled = limits.polled
        shortest = TimeAmount(timeouts.shortestRefresh)
        longest = TimeAmount(timeouts.longestRefresh)
    }

    /// Masters that have slots; none while there is no map.
    package var masters: [RedisNode] { map?.masters ?? [] }

    /// Whether a connection to the node is still of use.
    package func knows(_ node: RedisNode) -> Bool {
        guard let map else { return true }
        return map.masters.contains(node) || map.replicas.contains(node) || nodes.contains(node)
    }

    /// The node to send to.
    ///
    /// - Parameters:
    ///   - slot: `nil` for any master.
    ///   - chance: evenly distributed from 0 to below 1: chooses that master.
    package func route(_ slot: RedisSlot?, chance: Double) -> Route {
        guard let map else { return .unknown }
        guard let slot else {
            guard !map.masters.isEmpty else { return .unserved }
            return .to(map.masters[min(Int(chance * Double(map.masters.count)), map.masters.count - 1)])
        }
        let owner = owners[Int(slot.number)]
        return owner == Self.noMaster ? .unserved : .to(nodes[Int(owner)])
    }

    /// A node said that another node has a slot: that holds at once for the slot, and is a reason to look.
    package mutating func moved(_ redirection: Redirection) {
        guard map != nil else { return }
        owners[Int(redirection.slot.number)] = index(of: redirection.node)
    }

    /// Looks at the cluster again, unless that was done just now.
    ///
    /// - Parameter chance: evenly distributed from 0 to below 1: chooses the first node to ask.
    package mutating func look(at now: NIODeadline, chance: Double) -> LookAction {
        guard poll == nil else { return .underWay }
        guard now >= notBefore else { return .notBefore(notBefore) }
        let candidates = candidates()
        let start = min(Int(chance * Double(candidates.count)), candidates.count - 1)
        let count = min(polled, candidates.count)
        let asked = (0..<count).map { candidates[(start + $0) % candidates.count] }
        polls += 1
        notBefore = now + shortest
        poll = Poll(number: polls, missing: count, asked: count)
        return .ask(asked, poll: polls)
    }

    /// When to look again though nothing seems to have changed.
    package func nextLook(at now: NIODeadline) -> NIODeadline {
        hasFailed ? notBefore : now + longest
    }

    /// A node that was asked answered, or failed to (`nil`).
    package mutating func heard(_ map: ClusterMap?, of number: Int) -> HeardAction {
        guard var poll, poll.number == number else { return .wait }
        poll.missing -= 1
        if let map {
            if let index = poll.views.firstIndex(where: { $0.map == map }) {
                poll.views[index].votes += 1
            } else {
                poll.views.append((map, 1))
            }
        }
        self.poll = poll
        let isDecided = poll.views.contains { $0.votes * 2 > poll.asked }
        guard isDecided || poll.missing == 0 else { return .wait }
        self.poll = nil
        // The map with most votes; among equals the one that covers most slots.
        guard let best = poll.views.max(by: { ($0.votes, $0.map.covered) < ($1.votes, $1.map.covered) })?.map else {
            hasFailed = true
            return .failed
        }
        hasFailed = false
        let isNew = best != self.map
        adopt(best)
        return .adopt(isNew: isNew)
    }

    /// The masters, which are connected anyway; other nodes as well if the masters did not answer or are few.
    private func candidates() -> [RedisNode] {
        guard let map else { return seeds }
        guard hasFailed || map.masters.count < polled else { return map.masters }
        var seen: Set<RedisNode> = []
        return (map.masters + map.replicas + seeds).filter { seen.insert($0).inserted }
    }

    private mutating func adopt(_ map: ClusterMap) {
        self.map = map
        nodes = []
        owners = [UInt16](repeating: Self.noMaster, count: RedisSlot.count)
        for range in map.ranges {
            let index = index(of: range.master)
            for slot in range.first...range.last { owners[Int(slot)] = index }
        }
    }

    private mutating func index(of node: RedisNode) -> UInt16 {
        if let index = nodes.firstIndex(of: node) { return UInt16(index) }
        guard nodes.count < Int(Self.noMaster) else { return Self.noMaster }
        nodes.append(node)
        return UInt16(nodes.count - 1)
    }
}

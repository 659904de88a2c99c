/// Which master has which slots, as one node of a cluster sees it.
///
/// Two maps are equal if they send every key to the same master; their replicas may differ.
package struct ClusterMap: Sendable {
    /// Slots from `first` to `last` that one master has.
    package struct Range: Sendable, Hashable {
        package var first: UInt16
        package var last: UInt16
        package var master: RedisNode

        package init(first: UInt16, last: UInt16, master: RedisNode) {
            self.first = first
            self.last = last
            self.master = master
        }
    }

    /// In the order of their slots. None overlaps another, and adjacent ranges have different masters.
    package let ranges: [Range]
    package let replicas: [RedisNode]
    /// Each master once, in order of its first slot.
    package let masters: [RedisNode]
    /// How many slots have a master.
    package let covered: Int

    /// - Returns: `nil` if ranges overlap or end before they begin.
    package init?(ranges: [Range], replicas: [RedisNode] = []) {
        var joined: [Range] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            guard range.first <= range.last, Int(range.last) < RedisSlot.count else { return nil }
            if let before = joined.last {
                guard before.last < range.first else { return nil }
                if before.last + 1 == range.first, before.master == range.master {
                    joined[joined.count - 1].last = range.last
                    continue
                }
            }
            joined.append(range)
        }
        self.ranges = joined
        var seen: Set<RedisNode> = []
        masters = joined.map(\.master).filter { seen.insert($0).inserted }
        self.replicas = replicas.filter { seen.insert($0).inserted }
        covered = joined.reduce(0) { $0 + Int($1.last - $1.first) + 1 }
    }

    /// Reads the answer to `CLUSTER SLOTS`.
    ///
    /// Not `CLUSTER SHARDS`: it says the same in more words, and servers before 7.0 do not have it.
    ///
    /// - Parameters:
    ///   - reply: of the node that was asked.
    ///   - asked: that node. Its own host may be empty or null in the reply.
    ///   - limit: the most nodes (``RedisConfiguration/Limits/nodes``).
    package init(slots reply: RedisReply, from asked: RedisNode, limit: Int) throws(RedisShapeError) {
        var ranges: [Range] = []
        var replicas: [RedisNode] = []
        for entry in try reply.array() {
            let items = try entry.array()
            guard items.count >= 3 else { throw RedisShapeError(expected: "two slots and a node", found: entry.kind) }
            let first = try items[0].integer()
            let last = try items[1].integer()
            guard let first = RedisSlot(Int(first)), let last = RedisSlot(Int(last)) else {
                throw RedisShapeError(expected: "slots below \(RedisSlot.count)", found: "others")
            }
            // The cluster does not know the address of that node (`?`).
            guard let master = try Self.node(items[2], asked) else { continue }
            ranges.append(Range(first: first.number, last: last.number, master: master))
            for item in items.dropFirst(3) {
                if let replica = try Self.node(item, asked) { replicas.append(replica) }
            }
        }
        guard let map = ClusterMap(ranges: ranges, replicas: replicas) else {
            throw RedisShapeError(expected: "slots that have one master each", found: "others")
        }
        guard map.masters.count + map.replicas.count <= limit else {
            throw RedisShapeError(expected: "at most \(limit) nodes", found: "more")
        }
        self = map
    }

    private static func node(_ reply: RedisReply, _ asked: RedisNode) throws(RedisShapeError) -> RedisNode? {
        let items = try reply.array()
        guard items.count >= 2 else { throw RedisShapeError(expected: "a host and a port", found: reply.kind) }
        let host = try items[0].optional { reply throws(RedisShapeError) in try reply.text() } ?? ""
        let port = try items[1].integer()
        guard (1...65535).contains(port) else { throw RedisShapeError(expected: "a port", found: "another number") }
        guard host != "?" else { return nil }
        return RedisNode(host: host.isEmpty ? asked.host : host, port: Int(port))
    }
}

extension ClusterMap: Equatable {
    package static func == (left: Self, right: Self) -> Bool { left.ranges == right.ranges }
}

/// Where a slot is now, as `MOVED` and `ASK` say it: `3999 127.0.0.1:6381`.
package struct Redirection: Sendable, Equatable {
    package let slot: RedisSlot
    package let node: RedisNode

    /// - Parameters:
    ///   - message: the text behind `MOVED` or `ASK`.
    ///   - asked: the node that said it. An empty host in the message means its host.
    package init?(_ message: String, from asked: RedisNode) {
        let parts = message.split(separator: " ")
        guard parts.count >= 2, let number = Int(parts[0]), let slot = RedisSlot(number),
            let colon = parts[1].lastIndex(of: ":"),
            let port = Int(parts[1][parts[1].index(after: colon)...]), (1...65535).contains(port)
        else { return nil }
        let host = parts[1][..<colon]
        guard host != "?" else { return nil }
        self.slot = slot
        node = RedisNode(host: host.isEmpty ? asked.host : String(host), port: port)
    }
}

/// Where the servers are, how to log in, and every limit of the client. ``init(address:)`` makes it from an address;
/// then change its fields.
public struct RedisConfiguration: Sendable {
    /// One server, or some nodes of a cluster.
    public enum Servers: Sendable, Hashable {
        case standalone(RedisNode)
        /// At least one. The client asks them for the other nodes.
        case cluster([RedisNode])
    }

    /// A password, or where it is. The description never shows it.
    public enum Password: Sendable, Hashable {
        case text(String)
        /// The path of a file whose first line is the password. It is read for each connection, so it can be changed.
        case file(String)
    }

    /// How a server proves its identity: by a certificate of a trusted authority, for the host's name or for the
    /// address that is connected to (NIOSSL accepts either).
    public struct TLS: Sendable, Hashable {
        /// The file of trusted certificates (PEM); the system's if `nil`.
        public var authorities: String?
        /// The name that a certificate must have; the host's own if `nil`. For a cluster whose nodes know one another
        /// by address.
        public var serverName: String?

        public init(authorities: String? = nil, serverName: String? = nil) {
            self.authorities = authorities
            self.serverName = serverName
        }
    }

    /// How long the client waits.
    public struct Timeouts: Sendable, Hashable {
        /// For a connection: name, TCP, TLS and handshake together.
        public var connect: Duration = .seconds(5)
        /// For a reply, if a call has no deadline of its own.
        public var call: Duration = .seconds(5)
        /// For the next byte while replies are due; then the connection is closed. More than ``call``, so that a server
        /// that stalls for a moment costs no connection.
        public var silence: Duration = .seconds(10)
        /// For the next byte before the client looks at the cluster again, repeatedly until something comes: the node
        /// may have been replaced. The connection to a replaced node is closed at once.
        public var doubt: Duration = .milliseconds(1_500)
        /// Without a call before a connection is tested with `PING`, so that a dead one is noticed before it is needed.
        public var idle: Duration = .seconds(15)
        /// For the calls under way when the client is stopped.
        public var drain: Duration = .seconds(5)
        /// Before the next attempt to connect; doubled with each attempt up to ``longestBackoff``, and spread by chance
        /// over its upper half, so that many clients do not come at once.
        public var shortestBackoff: Duration = .milliseconds(50)
        /// The bound of that time.
        public var longestBackoff: Duration = .seconds(1)
        /// Before a call is sent again after `TRYAGAIN`; grows in the same way.
        public var tryAgain: Duration = .milliseconds(5)
        /// Between two looks at the cluster.
        public var shortestRefresh: Duration = .milliseconds(100)
        /// Between two looks at the cluster if nothing seems to change.
        public var longestRefresh: Duration = .seconds(30)

        public init() {}
    }

    /// How much may be under way.
    public struct Limits: Sendable, Hashable {
        /// Calls of all threads that the client's loop has not taken yet: some hundred bytes each, and their commands.
        public var handedOver = 65_536
        /// Replies due on one connection; further calls are refused (``RedisFailure/NotSent/queueFull``).
        public var inFlight = 4096
        /// Calls that wait for a connection, for each node.
        public var waiting = 4096
        /// Bytes of commands on one connection that the network has not taken yet.
        public var unsentBytes = 64 << 20
        /// How often one call is sent again, to another node or later.
        public var redirects = 8
        /// Nodes of a cluster; an answer with more is not believed.
        public var nodes = 1024
        /// Nodes that are asked for the map of the cluster at a time.
        public var polled = 3
        /// Bytes, items and depth of one reply.
        public var reply = RESPLimits()

        public init() {}
    }

    /// Where to connect.
    public var servers: Servers
    /// `nil` for the server's `default` user.
    public var user: String?
    /// `nil` for a login without a password.
    public var password: Password?
    /// The number of the database. A cluster has only database 0.
    public var database = 0
    /// `nil` for connections without TLS.
    public var tls: TLS?
    /// What the server's `CLIENT LIST` shows.
    public var clientName = "holdfast"
    public var timeouts = Timeouts()
    public var limits = Limits()

    public init(servers: Servers) {
        self.servers = servers
    }
}

/// Where a server listens.
public struct RedisNode: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int = 6379) {
        self.host = host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension RedisConfiguration.Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        switch self {
        case .text: "a password"
        case .file(let path): "the password in \(path)"
        }
    }

    public var debugDescription: String { description }
    /// `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension RedisConfiguration {
    /// Whether the servers are a cluster.
    public var isCluster: Bool {
        if case .cluster = servers { true } else { false }
    }
}

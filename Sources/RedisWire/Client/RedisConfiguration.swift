/// Where the servers are, who asks them, and every bound of the client. Made from an address with
/// ``init(address:)``, then changed field by field.
public struct RedisConfiguration: Sendable {
    /// One server, or a cluster of which some nodes are known.
    public enum Servers: Sendable, Hashable {
        case standalone(RedisNode)
        /// At least one. The others are asked for; a node that is gone is left out.
        case cluster([RedisNode])
    }

    /// A password, or where it is. Its description never shows it.
    public enum Password: Sendable, Hashable {
        case text(String)
        /// The path of a file whose first line it is, read anew for each connection, so that it can be changed.
        case file(String)
    }

    /// How a server proves who it is: by a certificate of an authority that is trusted, for the host's name or for the
    /// address that is connected to (either is enough for NIOSSL).
    public struct TLS: Sendable, Hashable {
        /// The file of certificates (PEM) that are trusted; the system's if `nil`.
        public var authorities: String?
        /// The name that a certificate must carry; the host's own if `nil`. For a cluster whose nodes tell addresses.
        public var serverName: String?

        public init(authorities: String? = nil, serverName: String? = nil) {
            self.authorities = authorities
            self.serverName = serverName
        }
    }

    /// How long is waited.
    public struct Timeouts: Sendable, Hashable {
        /// For a connection: name, TCP, TLS and handshake together.
        public var connect: Duration = .seconds(5)
        /// For a reply, where a call names no deadline.
        public var call: Duration = .seconds(5)
        /// For the next byte while replies are due; then the connection is given up. More than ``call``, so that a
        /// server that stalls for a moment costs no connection.
        public var silence: Duration = .seconds(10)
        /// The same, before a cluster's order is looked at because of it, again and again until something comes: the node
        /// may have been replaced. One that was is given up at once.
        public var doubt: Duration = .milliseconds(1_500)
        /// Without a call before a connection is tried with `PING`, so that one that died is noticed before it is
        /// needed.
        public var idle: Duration = .seconds(15)
        /// For calls under way when the client is stopped.
        public var drain: Duration = .seconds(5)
        /// Before the first new attempt to connect; doubled with each up to ``longestBackoff``, and spread by chance
        /// over its upper half, so that many clients do not come at once.
        public var shortestBackoff: Duration = .milliseconds(50)
        public var longestBackoff: Duration = .seconds(1)
        /// Before a command is sent again after `TRYAGAIN`; grows in the same way.
        public var tryAgain: Duration = .milliseconds(5)
        /// Between two looks at the cluster.
        public var shortestRefresh: Duration = .milliseconds(100)
        /// After which the cluster is looked at though nothing seems to have changed.
        public var longestRefresh: Duration = .seconds(30)

        public init() {}
    }

    /// How much may be under way.
    public struct Limits: Sendable, Hashable {
        /// Calls of all threads that the client's loop has not seen yet: some hundred bytes each, and their commands.
        public var handedOver = 65_536
        /// Replies due on one connection; a call beyond is refused (``RedisFailure/NotSent/queueFull``).
        public var inFlight = 4096
        /// Calls that wait for a connection that is being made, each node for itself.
        public var waiting = 4096
        /// Bytes of commands that are written and that the network has not taken, on one connection.
        public var unsentBytes = 64 << 20
        /// How often one call is sent on to another node or tried again.
        public var redirects = 8
        /// Nodes of a cluster that are known; more are not believed.
        public var nodes = 1024
        /// Nodes that are asked for the cluster's order at a time.
        public var polled = 3
        public var reply = RESPLimits()

        public init() {}
    }

    public var servers: Servers
    /// `nil` for the server's `default` user.
    public var user: String?
    public var password: Password?
    /// The number of the database. A cluster has only 0.
    public var database = 0
    /// `nil` for a connection in clear.
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
    /// Whether there are several masters.
    public var isCluster: Bool {
        if case .cluster = servers { true } else { false }
    }
}

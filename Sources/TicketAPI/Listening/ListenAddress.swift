/// Where a service listens.
public enum ListenAddress: Sendable, Equatable {
    /// A host name or an address in digits, and a port; 0 for any free port.
    case tcp(host: String, port: Int, isSecure: Bool)
    /// A unix socket with these permissions.
    case unix(path: String, mode: UInt32)
    /// A socket that another program listens on already and handed over.
    case inherited(CInt, isSecure: Bool, isUnix: Bool)

    var isSecure: Bool {
        switch self {
        case .tcp(_, _, let isSecure), .inherited(_, let isSecure, _): isSecure
        case .unix: false
        }
    }

    /// Whether those who connect have no internet address.
    var isUnix: Bool {
        switch self {
        case .tcp: false
        case .unix: true
        case .inherited(_, _, let isUnix): isUnix
        }
    }

    /// As people and programs write it.
    ///
    /// - Parameter port: the port in place of a free one.
    func text(port: Int? = nil) -> String {
        switch self {
        case .tcp(let host, let asked, let isSecure):
            let host = host.contains(":") ? "[\(host)]" : host
            return "\(isSecure ? "https" : "http")://\(host):\(port ?? asked)"
        case .unix(let path, _): return "unix:\(path)"
        case .inherited(let descriptor, _, _): return "descriptor \(descriptor)"
        }
    }

    /// Whether the address has to leave IPv4 to another one in the list: `::` would take the port of both internets.
    func isSixOnly(among all: [ListenAddress]) -> Bool {
        guard case .tcp(let host, let port, _) = self, host.contains(":"), port != 0 else { return false }
        return all.contains { other in
            guard case .tcp(let host, port, _) = other else { return false }
            return !host.contains(":")
        }
    }
}

/// A service cannot listen at one of its addresses.
public struct ListenFailure: Error {
    /// The address, as people write it.
    public let address: String
    public let reason: any Error

    init(_ address: String, _ reason: any Error) {
        self.address = address
        self.reason = reason
    }
}

/// An address of a service accepts no connections any more, though nobody stopped the service.
public struct ListenerEnded: Error {
    /// The address, as people write it.
    public let address: String
    /// `nil` if the socket was closed without one.
    public let reason: (any Error)?
}

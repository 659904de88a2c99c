/// The checks of a sale that a hold at the door goes past (R43 Override). The edge has checked that the caller may.
///
/// It is one byte, so that a hold without one pays nothing: a decision looks at it only where it would refuse.
public struct Override: OptionSet, Hashable, Sendable {
    /// A check, by the name that it has in requests and in the audit.
    public enum Check: UInt8, CaseIterable, Sendable {
        /// The sale windows of the event and of its types.
        case window = 1
        /// The pause of the event.
        case pause = 2
        /// What the event and its types allow one buyer.
        case limits = 4
        /// The queue of the event (Q6 Pass).
        case queue = 8
    }

    public static let window = Override(.window)
    public static let pause = Override(.pause)
    public static let limits = Override(.limits)
    public static let queue = Override(.queue)

    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    public init(_ check: Check) {
        rawValue = check.rawValue
    }

    /// In the order of the checks, whatever the order in the request was.
    public var checks: [Check] {
        Check.allCases.filter { contains(Override($0)) }
    }
}

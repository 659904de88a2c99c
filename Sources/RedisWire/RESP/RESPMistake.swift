/// What is wrong with bytes that should have been RESP. None contains any of the content.
public enum RESPMistake: Error, Sendable, Hashable {
    /// A reply begins with a byte that names no type.
    case unknownType(UInt8)
    /// A line does not end with CR and LF, or has one of the two within it.
    case badLineEnd
    /// A number is expected, and there is none, or it is too large.
    case badNumber
    /// A length below zero that does not mean null.
    case badLength
    /// A boolean that is neither `t` nor `f`.
    case badBoolean
    /// A null with text behind it.
    case badNull
    /// A verbatim string without its format.
    case badVerbatim
    /// A string or an array in an unknown number of parts, which no server sends.
    case streamed
    /// A push message within a reply.
    case pushInside
    /// A reply without a command.
    case unasked
    /// A line of more than ``RESPLimits/lineBytes``.
    case lineTooLong
    /// A string of more than ``RESPLimits/stringBytes``.
    case stringTooLong
    /// More than ``RESPLimits/depth`` arrays within one another.
    case tooDeep
    /// More than ``RESPLimits/items`` in one reply.
    case tooManyItems
    /// A reply of more than ``RESPLimits/replyBytes``.
    case tooLarge
}

/// How large one reply may be. The connection to a server that exceeds a limit is closed.
public struct RESPLimits: Sendable, Hashable {
    /// Bytes of a line: simple strings, errors, numbers. A server cuts its errors at 64 KiB or less.
    public var lineBytes = 64 << 10
    /// Bytes of a string. A server allows 512 MiB; answers to batches have some kilobytes.
    public var stringBytes = 16 << 20
    /// Arrays within arrays; `COMMAND DOCS` has nine levels.
    public var depth = 32
    /// Items of all arrays of one reply together; keys and values count separately. An item takes some 40 bytes of
    /// memory.
    public var items = 1 << 20
    /// Bytes of a whole reply.
    public var replyBytes = 64 << 20

    public init() {}
}

/// What is wrong with bytes that should have been RESP. None holds any of the content.
public enum RESPMistake: Error, Sendable, Hashable {
    /// A reply begins with a byte that names no type.
    case unknownType(UInt8)
    /// A line ends otherwise than with CR and LF, or one of the two stands within it.
    case badLineEnd
    /// What is to be a number is none, or does not fit.
    case badNumber
    /// A length below zero that does not mean null.
    case badLength
    /// A boolean that is neither `t` nor `f`.
    case badBoolean
    /// A null with something behind it.
    case badNull
    /// A verbatim string without its format.
    case badVerbatim
    /// Strings and arrays in parts of unknown number, which no server sends.
    case streamed
    /// A push message within a reply.
    case pushInside
    /// A reply that nobody asked for.
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

/// What one reply may take. A server that goes beyond is not believed: the connection is closed.
public struct RESPLimits: Sendable, Hashable {
    /// A line: simple strings, errors, numbers. A server cuts its errors at 64 KiB or less.
    public var lineBytes = 64 << 10
    /// A string. A server has 512 MiB; answers to batches have some kilobytes.
    public var stringBytes = 16 << 20
    /// Arrays within arrays; `COMMAND DOCS` has nine.
    public var depth = 32
    /// Items of all arrays of one reply together, keys and values counted each; some 40 bytes of memory an item.
    public var items = 1 << 20
    /// Bytes of a whole reply.
    public var replyBytes = 64 << 20

    public init() {}
}

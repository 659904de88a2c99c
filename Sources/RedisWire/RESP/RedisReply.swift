public import NIOCore

/// A server's reply, in the types of RESP3, which include those of RESP2.
///
/// Equal replies have equal bytes; two `NaN` are not equal.
public enum RedisReply: Sendable, Equatable {
    /// A short text, `OK` for example.
    case simpleString(String)
    /// An error within an array. An error that is the whole reply comes as ``RedisFailure/refused(_:)``.
    case error(RedisServerError)
    case integer(Int64)
    /// Bytes. They are a slice of what was received, which stays in memory as long as they do.
    case bulk(ByteBuffer)
    /// Nothing: RESP3's null, RESP2's null string and null array.
    case null
    case array([RedisReply])
    case map([RedisPair])
    case set([RedisReply])
    case double(Double)
    case boolean(Bool)
    /// Digits with an optional sign.
    case bigNumber(String)
    /// Bytes with a format of three letters, `txt` or `mkd`.
    case verbatim(format: String, ByteBuffer)
    /// A message that no command asked for.
    case push([RedisReply])
}

/// An entry of a map.
public struct RedisPair: Sendable, Equatable {
    public var key: RedisReply
    public var value: RedisReply

    public init(key: RedisReply, value: RedisReply) {
        self.key = key
        self.value = value
    }
}

/// The reply to a command that the server did not do, or did only in part: what a failed script wrote stays written.
public struct RedisServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first word if it is in capitals, `WRONGTYPE` for example; otherwise `ERR`.
    public let code: String
    /// The text behind the code, at most ``longestMessage`` bytes.
    public let message: String

    /// Bytes of a message that are kept. Messages go into logs, and a script may write anything into them.
    public static let longestMessage = 1024

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// Why a write was refused, as a code, even if a script wrote.
    ///
    /// A server before 7.0 puts words of its own around the code:
    /// `ERR Error running script (call to f_1): @user_script:3: @user_script: 3: -OOM command not allowed`. Only the
    /// first write of a script is refused like this.
    package var cause: String {
        guard code == "ERR", message.hasPrefix("Error running script"),
            let word = message.split(separator: " ").first(where: { $0.hasPrefix("-") })
        else { return code }
        return RedisServerError(line: word.dropFirst().utf8).code
    }

    /// Reads the line of an error reply.
    public init(line: some Collection<UInt8>) {
        let word = line.prefix { $0 != UInt8(ascii: " ") }
        let isCode =
            !word.isEmpty && word.count <= 32
            && word.allSatisfy {
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
        code = isCode ? String(decoding: word, as: UTF8.self) : "ERR"
        let rest = isCode ? line.dropFirst(word.count + 1) : line[...]
        message = String(decoding: rest.prefix(Self.longestMessage), as: UTF8.self)
    }

    public var description: String { message.isEmpty ? code : "\(code) \(message)" }
}

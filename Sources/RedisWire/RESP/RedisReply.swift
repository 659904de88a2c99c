public import NIOCore

/// What a server answers, in the types of RESP3; RESP2's are among them.
///
/// Equal replies have equal bytes; two `NaN` are not equal.
public enum RedisReply: Sendable, Equatable {
    /// A short text, `OK` for one.
    case simpleString(String)
    /// An error within an array: one that is the whole reply comes as ``RedisFailure/refused(_:)``.
    case error(RedisServerError)
    case integer(Int64)
    /// Bytes; a part of what was received, which is kept in memory as long as this is.
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
    /// What a server says without having been asked.
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

/// The answer to a command that the server did not do, or did only in part: a script that stops keeps what it wrote.
public struct RedisServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first word where it is written in capitals, `WRONGTYPE` for one, otherwise `ERR`.
    public let code: String
    /// What comes behind it, at most ``longestMessage`` bytes.
    public let message: String

    /// Bytes of a message that are kept: it goes into logs, and a script may put anything in it.
    public static let longestMessage = 1024

    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// Why a write was refused, as a code, also where it was a script's.
    ///
    /// A server before 7.0 tells of that in words of its own around the code: `ERR Error running script (call to f_1):
    /// @user_script:3: @user_script: 3: -OOM command not allowed`. What is refused so is a script's first write.
    package var cause: String {
        guard code == "ERR", message.hasPrefix("Error running script"),
            let word = message.split(separator: " ").first(where: { $0.hasPrefix("-") })
        else { return code }
        return RedisServerError(line: word.dropFirst().utf8).code
    }

    /// Reads the line of an error.
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

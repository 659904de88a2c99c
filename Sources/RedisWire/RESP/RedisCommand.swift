public import NIOCore

/// One command as the bytes that go to the server: an array of bulk strings, written argument by argument into one
/// buffer.
///
/// The count of arguments stands in front of them and is known only at the end, so room for it is left: nothing is
/// moved and no array is kept. A command that outgrows ``largest`` or ``mostArguments`` takes nothing more, says
/// ``isTooLarge``, and is refused by the client before a byte of it is sent.
public struct RedisCommand: Sendable {
    /// Bytes of a whole command. A server takes 512 MiB an argument; what is asked here is batches of some kilobytes,
    /// and a connection that carries 16 MiB makes everybody else wait some milliseconds.
    public static let largest = 16 << 20
    /// Arguments with the name, as many as a server takes.
    public static let mostArguments = 1 << 20

    /// `*1048576\r\n` with some room to spare.
    private static let headroom = 12

    private var buffer: ByteBuffer
    /// With the command's name.
    public private(set) var argumentCount = 0
    /// Whether it outgrew a bound, and is to be refused.
    public private(set) var isTooLarge = false
    /// Whether it may be sent a second time though it may have been done: `WAIT` or a question.
    ///
    /// A pipeline is sent again to another node when all commands of it were refused there that are not repeatable.
    public let isRepeatable: Bool

    /// - Parameters:
    ///   - name: the first argument, `FCALL` for one.
    ///   - isRepeatable: see ``isRepeatable``.
    ///   - capacity: bytes expected; a guess saves growing.
    public init(_ name: String, isRepeatable: Bool = false, capacity: Int = 256) {
        buffer = ByteBufferAllocator().buffer(capacity: Self.headroom + min(max(0, capacity), Self.largest))
        buffer.writeRepeatingByte(0, count: Self.headroom)
        self.isRepeatable = isRepeatable
        append(name)
    }

    /// A command whose arguments are all texts.
    public init(_ name: String, _ arguments: String..., isRepeatable: Bool = false) {
        self.init(name, isRepeatable: isRepeatable)
        for argument in arguments { append(argument) }
    }

    /// Appends a text in UTF-8.
    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(copying: UnsafeRawBufferPointer($0)) }
    }

    /// Appends a number in decimal.
    public mutating func append(_ number: Int) {
        withUnsafeTemporaryAllocation(byteCount: Decimal.longest, alignment: 1) { room in
            let count = Decimal.write(Int64(number), to: room)
            append(copying: UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
    }

    /// Appends a number in decimal.
    public mutating func append(_ number: Int64) {
        append(Int(number))
    }

    /// Appends the readable bytes as they are.
    public mutating func append(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { append(copying: $0) }
    }

    /// Appends bytes as they are.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        let isDone: Void? = bytes.withContiguousStorageIfAvailable { append(copying: UnsafeRawBufferPointer($0)) }
        if isDone == nil { append(Array(bytes)) }
    }

    /// The whole command as it is sent. Costs no copy where nobody else holds the buffer.
    public consuming func encoded() -> ByteBuffer {
        withUnsafeTemporaryAllocation(byteCount: Decimal.longest, alignment: 1) { room in
            let digits = Decimal.write(Int64(argumentCount), to: room)
            let start = Self.headroom - digits - 3
            buffer.setInteger(UInt8(ascii: "*"), at: start)
            buffer.setBytes(UnsafeRawBufferPointer(rebasing: room[..<digits]), at: start + 1)
            buffer.setBytes([UInt8(ascii: "\r"), UInt8(ascii: "\n")], at: start + 1 + digits)
            buffer.moveReaderIndex(to: start)
        }
        return buffer
    }

    private mutating func append(copying bytes: UnsafeRawBufferPointer) {
        guard !isTooLarge, argumentCount < Self.mostArguments,
            bytes.count <= Self.largest - buffer.readableBytes - Decimal.longest - 5
        else {
            isTooLarge = true
            return
        }
        argumentCount += 1
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count + Decimal.longest + 5) { room in
            room[0] = UInt8(ascii: "$")
            var end = 1 + Decimal.write(Int64(bytes.count), to: UnsafeMutableRawBufferPointer(rebasing: room[1...]))
            room[end] = UInt8(ascii: "\r")
            room[end + 1] = UInt8(ascii: "\n")
            end += 2
            UnsafeMutableRawBufferPointer(rebasing: room[end...]).copyMemory(from: bytes)
            end += bytes.count
            room[end] = UInt8(ascii: "\r")
            room[end + 1] = UInt8(ascii: "\n")
            return end + 2
        }
    }
}

extension RedisCommand: CustomStringConvertible {
    /// Without the arguments: one of them may be a password.
    public var description: String {
        "a command of \(argumentCount) arguments, \(buffer.readableBytes - Self.headroom) bytes"
    }
}

/// Whole numbers as decimal digits, without a text in between.
enum Decimal {
    /// `-9223372036854775808`
    static let longest = 20

    /// Writes the digits and returns how many bytes they take.
    static func write(_ number: Int64, to room: UnsafeMutableRawBufferPointer) -> Int {
        var magnitude = number.magnitude
        var count = number < 0 ? 2 : 1
        var rest = magnitude / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        if number < 0 { room[0] = UInt8(ascii: "-") }
        var place = count - 1
        repeat {
            room[place] = UInt8(ascii: "0") + UInt8(magnitude % 10)
            magnitude /= 10
            place -= 1
        } while magnitude > 0
        return count
    }

    /// The number that is written in the bytes: an optional sign and digits, nothing else.
    static func read(_ bytes: some Collection<UInt8>) -> Int64? {
        var digits = bytes[...]
        var isNegative = false
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            digits = digits.dropFirst()
        }
        guard !digits.isEmpty else { return nil }
        var number: Int64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            let (shifted, isOver) = number.multipliedReportingOverflow(by: 10)
            let value = Int64(digit - UInt8(ascii: "0"))
            // Counted down, as the least number has no positive twin.
            let (next, isUnder) = shifted.subtractingReportingOverflow(value)
            guard !isOver, !isUnder else { return nil }
            number = next
        }
        if isNegative { return number }
        return number == .min ? nil : -number
    }
}

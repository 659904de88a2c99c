public import NIOCore

/// One command as the bytes that go to the server: an array of bulk strings, written argument by argument into one
/// buffer.
///
/// The number of arguments comes first and is known only at the end, so the buffer leaves room for it: nothing is moved
/// and no array is kept. A command that grows beyond ``largest`` or ``mostArguments`` takes no more arguments and is
/// ``isTooLarge``; the client refuses it before a byte of it is sent.
public struct RedisCommand: Sendable {
    /// Bytes of a whole command. A server takes 512 MiB an argument. Our batches have some kilobytes, and a command of
    /// 16 MiB makes every other caller on the connection wait some milliseconds.
    public static let largest = 16 << 20
    /// Arguments, the name included: as many as a server takes.
    public static let mostArguments = 1 << 20

    /// `*1048576\r\n` with some room to spare.
    private static let headroom = 12

    private var buffer: ByteBuffer
    /// The command's name included.
    public private(set) var argumentCount = 0
    /// Whether it grew beyond a limit, so that the client refuses it.
    public private(set) var isTooLarge = false
    /// Whether it may be done twice: `WAIT`, or a command that only reads.
    ///
    /// A pipeline is sent again if none of its commands was done but repeatable ones.
    public let isRepeatable: Bool
    /// Whether it waits for replicas, so that its reply says how many acknowledged.
    let isWait: Bool

    /// - Parameters:
    ///   - name: the first argument, `FCALL` for example.
    ///   - isRepeatable: see ``isRepeatable``.
    ///   - capacity: the expected bytes; a guess saves growing.
    public init(_ name: String, isRepeatable: Bool = false, capacity: Int = 256) {
        buffer = ByteBufferAllocator().buffer(capacity: Self.headroom + min(max(0, capacity), Self.largest))
        buffer.writeRepeatingByte(0, count: Self.headroom)
        self.isRepeatable = isRepeatable
        isWait = name == "WAIT"
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

    /// The whole command as it is sent. Makes no copy if nobody else has the buffer.
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
    /// Shows no argument, since one of them may be a password.
    public var description: String {
        "a command of \(argumentCount) arguments, \(buffer.readableBytes - Self.headroom) bytes"
    }
}

/// Whole numbers as decimal digits, without a `String` in between.
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
        var index = count - 1
        repeat {
            room[index] = UInt8(ascii: "0") + UInt8(magnitude % 10)
            magnitude /= 10
            index -= 1
        } while magnitude > 0
        return count
    }

    /// The number in the bytes: an optional sign and digits, nothing else.
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
            // Counts down, since the least number has no positive counterpart.
            let (next, isUnder) = shifted.subtractingReportingOverflow(value)
            guard !isOver, !isUnder else { return nil }
            number = next
        }
        if isNegative { return number }
        return number == .min ? nil : -number
    }
}

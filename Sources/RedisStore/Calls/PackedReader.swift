internal import BoxOffice
internal import NIOCore

/// A reply of a function could not be read: this program and the functions do not fit together, or another program
/// wrote to our keys.
struct PackedMistake: Error, Sendable, CustomStringConvertible {
    var description: String { "the reply does not have the expected form" }
}

/// Reads what `struct.pack` wrote: little-endian, with numbers as doubles.
struct PackedReader {
    private(set) var bytes: ByteBuffer

    init(_ bytes: ByteBuffer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { bytes.readableBytes == 0 }

    mutating func byte() throws(PackedMistake) -> UInt8 {
        guard let value: UInt8 = bytes.readInteger() else { throw PackedMistake() }
        return value
    }

    mutating func short() throws(PackedMistake) -> UInt16 {
        guard let value: UInt16 = bytes.readInteger(endianness: .little) else { throw PackedMistake() }
        return value
    }

    /// A whole number, which is sent as a double.
    mutating func number() throws(PackedMistake) -> Int {
        guard let bits: UInt64 = bytes.readInteger(endianness: .little),
            let value = Int(exactly: Double(bitPattern: bits))
        else { throw PackedMistake() }
        return value
    }

    /// Half of a key or a digest, as ``CommandWriter`` writes it.
    mutating func half() throws(PackedMistake) -> UInt64 {
        guard let value: UInt64 = bytes.readInteger() else { throw PackedMistake() }
        return value
    }

    mutating func skipNumber() throws(PackedMistake) {
        guard bytes.readInteger(as: UInt64.self) != nil else { throw PackedMistake() }
    }

    /// A whole number that cannot be negative.
    mutating func count() throws(PackedMistake) -> UInt64 {
        guard let value = UInt64(exactly: try number()) else { throw PackedMistake() }
        return value
    }

    /// The number of an event; `nil` for 0, which is none.
    mutating func event() throws(PackedMistake) -> EventNumber? {
        let number = try count()
        return number == 0 ? nil : EventNumber(number)
    }

    /// The server's time: the clock that does not jump, and the time of day.
    mutating func moment() throws(PackedMistake) -> Moment {
        let office = try number()
        let wall = try number()
        return Moment(
            office: Timestamp(milliseconds: Int64(office)), wall: WallTime(milliseconds: Int64(wall)))
    }

    /// A text after a byte with its length.
    mutating func text() throws(PackedMistake) -> String {
        let length = Int(try byte())
        guard let text = bytes.readString(length: length) else { throw PackedMistake() }
        return text
    }

    /// A text after two bytes with its length.
    mutating func longText() throws(PackedMistake) -> String {
        let length = Int(try short())
        guard let text = bytes.readString(length: length) else { throw PackedMistake() }
        return text
    }

    mutating func bytes(_ count: Int) throws(PackedMistake) -> [UInt8] {
        guard let read = bytes.readBytes(length: count) else { throw PackedMistake() }
        return read
    }

    /// All bytes that are left.
    mutating func rest() -> ByteBuffer {
        let rest = bytes
        bytes.moveReaderIndex(forwardBy: bytes.readableBytes)
        return rest
    }
}

extension ByteBuffer {
    /// A number as `struct.unpack` reads it.
    mutating func writePacked(_ number: Double) {
        writeInteger(number.bitPattern, endianness: .little)
    }

    mutating func writePacked(_ number: UInt64) {
        writePacked(Double(number))
    }

    /// A text after a byte with its length.
    mutating func writePacked(short text: String) {
        writeInteger(UInt8(clamping: text.utf8.count))
        writeString(text)
    }

    /// A text after two bytes with its length.
    mutating func writePacked(long text: String) {
        writeInteger(UInt16(clamping: text.utf8.count), endianness: .little)
        writeString(text)
    }
}

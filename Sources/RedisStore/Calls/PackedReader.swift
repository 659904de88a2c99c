internal import NIOCore

/// Why a reply of a function could not be read. Ours and the server's text do not fit together, or somebody else wrote
/// under our keys.
struct PackedMistake: Error, Sendable, CustomStringConvertible {
    var description: String { "a reply of the functions is not as it should be" }
}

/// Reads what `struct.pack` wrote: little-endian, numbers as doubles.
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

    /// A whole number that travels as a double.
    mutating func number() throws(PackedMistake) -> Int {
        guard let bits: UInt64 = bytes.readInteger(endianness: .little),
            let value = Int(exactly: Double(bitPattern: bits))
        else { throw PackedMistake() }
        return value
    }

    /// The same, where it cannot be negative.
    mutating func count() throws(PackedMistake) -> UInt64 {
        guard let value = UInt64(exactly: try number()) else { throw PackedMistake() }
        return value
    }

    /// A text behind a byte that says how long it is.
    mutating func text() throws(PackedMistake) -> String {
        let length = Int(try byte())
        guard let text = bytes.readString(length: length) else { throw PackedMistake() }
        return text
    }

    /// A text behind two bytes that say how long it is.
    mutating func longText() throws(PackedMistake) -> String {
        let length = Int(try short())
        guard let text = bytes.readString(length: length) else { throw PackedMistake() }
        return text
    }

    /// Everything that is left.
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

    /// A text behind a byte that says how long it is.
    mutating func writePacked(short text: String) {
        writeInteger(UInt8(clamping: text.utf8.count))
        writeString(text)
    }

    /// A text behind two bytes that say how long it is.
    mutating func writePacked(long text: String) {
        writeInteger(UInt16(clamping: text.utf8.count), endianness: .little)
        writeString(text)
    }
}

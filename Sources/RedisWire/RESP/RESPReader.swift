package import NIOCore

/// Reads replies from bytes that come in any pieces.
///
/// Unfinished arrays are kept on a stack, so no byte is looked at twice and nothing calls itself. It keeps at most one
/// unfinished line or string (``RESPLimits``), and the items of one unfinished reply. After a mistake it stays broken,
/// since nobody knows where the next reply begins.
package struct RESPReader {
    /// What has items.
    private enum Container {
        case array, map, set, push
        /// About the reply that follows; dropped.
        case attribute
    }

    private enum StringKind {
        case bulk, error, verbatim
    }

    private struct Frame {
        let container: Container
        var missing: Int
        var items: [RedisReply]
    }

    /// What a line begins.
    private enum Begun {
        case whole(RedisReply)
        case string(StringKind, length: Int)
        case frame(Container, items: Int)
    }

    private let limits: RESPLimits
    private var buffer = ByteBuffer()
    /// Bytes of the buffer's first line that were searched without finding its end.
    private var scanned = 0
    /// The string whose length was read and whose bytes come next.
    private var string: (kind: StringKind, length: Int)?
    private var stack: [Frame] = []
    /// Items and bytes of the reply so far.
    private var items = 0
    private var bytes = 0
    private var mistake: RESPMistake?

    package init(limits: RESPLimits) {
        self.limits = limits
    }

    /// Bytes that are kept because their line or string is not complete.
    package var heldBytes: Int { buffer.readableBytes }
    /// Items that are kept because their reply is not complete.
    package var heldItems: Int { stack.reduce(0) { $0 + $1.items.count } }

    /// Takes bytes in. Call ``next()`` afterwards until it returns `nil`.
    package mutating func feed(_ incoming: ByteBuffer) {
        guard mistake == nil else { return }
        if buffer.readableBytes == 0 {
            buffer = incoming
        } else if buffer.readerIndex > 0 {
            // A buffer that is appended to and never emptied would grow for ever, so only the rest is copied to a new
            // one.
            var both = ByteBuffer()
            both.reserveCapacity(buffer.readableBytes + incoming.readableBytes)
            both.writeImmutableBuffer(buffer)
            both.writeImmutableBuffer(incoming)
            buffer = both
        } else {
            buffer.writeImmutableBuffer(incoming)
        }
    }

    /// The next whole reply; `nil` if not all of it has come.
    package mutating func next() throws(RESPMistake) -> RedisReply? {
        if let mistake { throw mistake }
        do throws(RESPMistake) {
            return try readReply()
        } catch {
            mistake = error
            buffer = ByteBuffer()
            stack = []
            throw error
        }
    }

    private mutating func readReply() throws(RESPMistake) -> RedisReply? {
        while true {
            let value: RedisReply
            if let (kind, length) = string {
                guard buffer.readableBytes >= length + 2 else { return nil }
                value = try readString(kind, length)
                string = nil
            } else {
                guard let length = try lineLength() else { return nil }
                let begun = try readLine(length)
                switch begun {
                case .whole(let reply): value = reply
                case .string(let kind, let length):
                    string = (kind, length)
                    continue
                case .frame(let container, let count):
                    guard count == 0 else {
                        stack.append(Frame(container: container, missing: count, items: []))
                        stack[stack.count - 1].items.reserveCapacity(min(count, 1024))
                        continue
                    }
                    guard let empty = Self.reply(container, []) else { continue }
                    value = empty
                }
            }
            if let whole = complete(value) {
                items = 0
                bytes = 0
                return whole
            }
        }
    }

    /// Adds a value to the unfinished array. Returns the value, or the array that it completed, if that is a whole
    /// reply.
    private mutating func complete(_ value: RedisReply) -> RedisReply? {
        var value = value
        while let top = stack.indices.last {
            stack[top].items.append(value)
            stack[top].missing -= 1
            guard stack[top].missing == 0 else { return nil }
            let frame = stack.removeLast()
            guard let whole = Self.reply(frame.container, frame.items) else { return nil }
            value = whole
        }
        return value
    }

    private static func reply(_ container: Container, _ items: [RedisReply]) -> RedisReply? {
        switch container {
        case .array: .array(items)
        case .set: .set(items)
        case .push: .push(items)
        case .map:
            .map(stride(from: 0, to: items.count, by: 2).map { RedisPair(key: items[$0], value: items[$0 + 1]) })
        case .attribute: nil
        }
    }

    /// The length of the first line, without its end; `nil` if the end has not come yet.
    private mutating func lineLength() throws(RESPMistake) -> Int? {
        guard let type = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard Self.isType(type) else { throw .unknownType(type) }
        let from = scanned
        let limit = limits.lineBytes
        let (end, next): (Int?, UInt8?) = buffer.withUnsafeReadableBytes { bytes in
            let until = min(bytes.count, limit + 1)
            var index = from
            while index < until {
                let byte = bytes[index]
                if byte == UInt8(ascii: "\r") { return (index, index + 1 < bytes.count ? bytes[index + 1] : nil) }
                if byte == UInt8(ascii: "\n") { return (index, 0) }
                index += 1
            }
            return (nil, nil)
        }
        guard let end else {
            guard buffer.readableBytes <= limit else { throw .lineTooLong }
            scanned = buffer.readableBytes
            return nil
        }
        guard let next else {
            scanned = end
            return nil
        }
        guard next == UInt8(ascii: "\n") else { throw .badLineEnd }
        scanned = 0
        return end
    }

    private static func isType(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "$"), UInt8(ascii: "*"),
            UInt8(ascii: "_"), UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: "!"),
            UInt8(ascii: "="), UInt8(ascii: "%"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "|"):
            true
        default: false
        }
    }

    private mutating func readString(_ kind: StringKind, _ length: Int) throws(RESPMistake) -> RedisReply {
        guard buffer.getInteger(at: buffer.readerIndex + length, as: UInt16.self) == 0x0d0a else { throw .badLineEnd }
        guard let slice = buffer.readSlice(length: length) else { throw .badLength }
        buffer.moveReaderIndex(forwardBy: 2)
        switch kind {
        case .bulk: return .bulk(slice)
        case .error: return .error(RedisServerError(line: slice.readableBytesView))
        case .verbatim:
            var text = slice
            guard let format = text.readString(length: 3), text.readInteger(as: UInt8.self) == UInt8(ascii: ":") else {
                throw .badVerbatim
            }
            return .verbatim(format: format, text)
        }
    }

    /// Reads the first line, which has `length` bytes before its end.
    private mutating func readLine(_ length: Int) throws(RESPMistake) -> Begun {
        bytes += length + 2
        guard bytes <= limits.replyBytes else { throw .tooLarge }
        defer { buffer.moveReaderIndex(forwardBy: length + 2) }
        let type = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) ?? 0
        let line = buffer.readableBytesView.prefix(length).dropFirst()
        switch type {
        case UInt8(ascii: "+"): return .whole(.simpleString(String(decoding: line, as: UTF8.self)))
        case UInt8(ascii: "-"): return .whole(.error(RedisServerError(line: line)))
        case UInt8(ascii: ":"):
            guard let number = Decimal.read(line) else { throw .badNumber }
            return .whole(.integer(number))
        case UInt8(ascii: "$"): return try string(.bulk, line)
        case UInt8(ascii: "!"): return try string(.error, line)
        case UInt8(ascii: "="): return try string(.verbatim, line)
        case UInt8(ascii: "*"): return try frame(.array, line)
        case UInt8(ascii: "~"): return try frame(.set, line)
        case UInt8(ascii: "%"): return try frame(.map, line)
        case UInt8(ascii: "|"): return try frame(.attribute, line)
        case UInt8(ascii: ">"):
            guard stack.isEmpty else { throw .pushInside }
            return try frame(.push, line)
        case UInt8(ascii: "_"):
            guard line.isEmpty else { throw .badNull }
            return .whole(.null)
        case UInt8(ascii: "#"):
            guard line.count == 1, let truth = line.first.flatMap(Self.truth) else { throw .badBoolean }
            return .whole(.boolean(truth))
        case UInt8(ascii: ","): return .whole(.double(try Self.double(line)))
        default: return .whole(.bigNumber(try Self.bigNumber(line)))
        }
    }

    private mutating func string(_ kind: StringKind, _ line: ByteBufferView) throws(RESPMistake) -> Begun {
        guard let length = try length(line) else { return .whole(.null) }
        guard length <= limits.stringBytes else { throw .stringTooLong }
        bytes += length + 2
        guard bytes <= limits.replyBytes else { throw .tooLarge }
        return .string(kind, length: length)
    }

    private mutating func frame(_ container: Container, _ line: ByteBufferView) throws(RESPMistake) -> Begun {
        guard let count = try length(line) else {
            guard case .array = container else { throw .badLength }
            return .whole(.null)
        }
        let isPaired =
            switch container {
            case .map, .attribute: true
            default: false
            }
        guard count <= (limits.items - items) / (isPaired ? 2 : 1) else { throw .tooManyItems }
        guard count == 0 || stack.count < limits.depth else { throw .tooDeep }
        items += isPaired ? 2 * count : count
        return .frame(container, items: isPaired ? 2 * count : count)
    }

    /// A length; `nil` for RESP2's null.
    private func length(_ line: ByteBufferView) throws(RESPMistake) -> Int? {
        if line.count == 1, line.first == UInt8(ascii: "?") { throw .streamed }
        guard let length = Decimal.read(line) else { throw .badNumber }
        guard length >= 0 else {
            guard length == -1 else { throw .badLength }
            return nil
        }
        return Int(length)
    }

    private static func truth(_ byte: UInt8) -> Bool? {
        byte == UInt8(ascii: "t") ? true : byte == UInt8(ascii: "f") ? false : nil
    }

    private static func double(_ line: ByteBufferView) throws(RESPMistake) -> Double {
        let text = String(decoding: line, as: UTF8.self)
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            // Swift also reads hexadecimal numbers; RESP has none.
            let isDecimal = text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") || byte | 0x20 == UInt8(ascii: "e")
            }
            guard isDecimal, let number = Double(text) else { throw .badNumber }
            return number
        }
    }

    private static func bigNumber(_ line: ByteBufferView) throws(RESPMistake) -> String {
        var digits = line
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { digits.removeFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw .badNumber
        }
        return String(decoding: line, as: UTF8.self)
    }
}

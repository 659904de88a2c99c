package import NIOCore

/// Reads the answers of one connection from bytes in any pieces.
///
/// NIO's decoder makes a list of strings from each head and must see the request, too; with it this tool spent more on
/// a request than the service. This reader ends the connection at the first byte that it does not understand; the
/// answer then counts as missing. It cannot read answers to `HEAD`.
package struct AnswerReader {
    /// A complete answer.
    package struct Answer: Equatable {
        package var status = 0
        /// Whether the connection takes another request.
        package var isKept = true
        /// The first ``AnswerReader/bodyBytes`` of the body.
        package var body = ByteBuffer()
    }

    /// Why the reader cannot go on.
    package enum Mistake: Error, Equatable {
        case notHTTP, tooLong
    }

    /// How much of a body is kept: all of what this tool asks for.
    package static let bodyBytes = 65_536
    /// The longest head, or line between chunks.
    private static let headBytes = 65_536

    private enum State {
        case head
        /// This many bytes of the body are still to come.
        case body(Int)
        /// The line with a chunk's length comes next.
        case chunk
        /// This many bytes of a chunk are still to come, and the end of its line.
        case inChunk(Int)
        /// The lines after the last chunk, up to an empty one.
        case trailer
        /// The body has no length: it ends when the connection does.
        case untilEnd
    }

    private var state = State.head
    private var pending = ByteBuffer()
    private var answer = Answer()

    package init() {}

    /// Adds bytes as they arrive.
    package mutating func add(_ bytes: ByteBuffer) {
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// The next complete answer; `nil` if more bytes are needed. Interim answers (1xx) are skipped.
    package mutating func next() throws(Mistake) -> Answer? {
        while true {
            switch state {
            case .head:
                guard try readHead() else { return nil }
            case .body(let left):
                let rest = left - keep(left)
                state = .body(rest)
                return rest == 0 ? finish() : nil
            case .chunk:
                guard let line = try line() else { return nil }
                let length = Self.number(line.prefix { $0 != UInt8(ascii: ";") && $0 != 32 && $0 != 9 }, radix: 16)
                guard let length else { throw .notHTTP }
                state = length == 0 ? .trailer : .inChunk(length)
            case .inChunk(let left):
                let rest = left - keep(left)
                state = .inChunk(rest)
                guard rest == 0, let line = try line() else { return nil }
                guard line.isEmpty else { throw .notHTTP }
                state = .chunk
            case .trailer:
                guard let line = try line() else { return nil }
                if line.isEmpty { return finish() }
            case .untilEnd:
                _ = keep(.max)
                return nil
            }
        }
    }

    /// Ends the input; returns the answer whose body ends with the connection.
    package mutating func end() -> Answer? {
        guard case .untilEnd = state else { return nil }
        return finish()
    }

    private mutating func finish() -> Answer {
        state = .head
        defer { answer = Answer() }
        return answer
    }

    // MARK: Bodies

    /// Takes up to this many bytes of the body, and returns how many it took.
    private mutating func keep(_ most: Int) -> Int {
        let count = min(most, pending.readableBytes)
        let kept = min(count, Self.bodyBytes - answer.body.readableBytes)
        if let part = pending.getSlice(at: pending.readerIndex, length: kept), kept > 0 {
            if answer.body.readableBytes == 0 {
                answer.body = part
            } else {
                answer.body.writeImmutableBuffer(part)
            }
        }
        pending.moveReaderIndex(forwardBy: count)
        return count
    }

    /// The next line without its end; `nil` if its end has not arrived.
    private mutating func line() throws(Mistake) -> ByteBufferView? {
        let view = pending.readableBytesView
        guard let end = view.firstIndex(of: 10) else {
            if view.count > Self.headBytes { throw .tooLong }
            return nil
        }
        pending.moveReaderIndex(to: end + 1)
        let line = view[..<end]
        return line.last == 13 ? line.dropLast() : line
    }

    // MARK: Heads

    /// - Returns: whether the head was complete.
    private mutating func readHead() throws(Mistake) -> Bool {
        var head = Head()
        switch pending.withUnsafeReadableBytes({ head.read($0) }) {
        case .none: throw .notHTTP
        case .some(0):
            if pending.readableBytes > Self.headBytes { throw .tooLong }
            return false
        case .some(let length): pending.moveReaderIndex(forwardBy: length)
        }
        if (100..<200).contains(head.status) { return true }
        answer.status = head.status
        answer.isKept = head.isKept
        state =
            switch (head.status, head.isChunked, head.length) {
            case (204, _, _), (304, _, _): .body(0)
            case (_, true, _): .chunk
            case (_, false, .some(let length)): .body(length)
            case (_, false, nil): .untilEnd
            }
        if case .untilEnd = state { answer.isKept = false }
        return true
    }

    /// The parts of a head that matter here.
    private struct Head {
        var status = 0
        var length: Int?
        var isChunked = false
        var isKept = true

        /// - Returns: the length of the head; 0 if more bytes are needed, `nil` if it is not HTTP.
        mutating func read(_ bytes: UnsafeRawBufferPointer) -> Int? {
            var start = 0
            while let end = bytes[start...].firstIndex(of: 10) {
                var line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                if line.last == 13 { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
                if start == 0 {
                    guard readStatus(line) else { return nil }
                } else if line.isEmpty {
                    return end + 1
                } else {
                    guard readField(line) else { return nil }
                }
                start = end + 1
            }
            // Bytes that do not begin like an answer need no more bytes to be wrong.
            return zip(bytes, "HTTP/1.".utf8).allSatisfy(==) ? 0 : nil
        }

        private mutating func readStatus(_ line: UnsafeRawBufferPointer) -> Bool {
            guard line.count >= 12, line.starts(with: "HTTP/1.".utf8), line[8] == 32,
                line.count == 12 || line[12] == 32,
                let status = AnswerReader.number(line[9..<12], radix: 10), status >= 100
            else { return false }
            self.status = status
            isKept = line[7] != UInt8(ascii: "0")
            return true
        }

        private mutating func readField(_ line: UnsafeRawBufferPointer) -> Bool {
            // The length is compared first, because all fields but three are skipped.
            func isNamed(_ name: StaticString) -> Bool {
                guard line.count > name.utf8CodeUnitCount, line[name.utf8CodeUnitCount] == UInt8(ascii: ":") else {
                    return false
                }
                for (index, byte) in UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
                    .enumerated()
                where line[index] | 0x20 != byte | 0x20 { return false }
                return true
            }
            switch line.first.map({ $0 | 0x20 }) {
            case UInt8(ascii: "c") where isNamed("content-length"):
                guard let length = AnswerReader.number(value(line, behind: 14), radix: 10),
                    self.length ?? length == length
                else { return false }
                self.length = length
            case UInt8(ascii: "c") where isNamed("connection"):
                if has(value(line, behind: 10), "close") { isKept = false }
                if has(value(line, behind: 10), "keep-alive") { isKept = true }
            case UInt8(ascii: "t") where isNamed("transfer-encoding"):
                isChunked = has(value(line, behind: 17), "chunked")
            default: break
            }
            return true
        }

        private func value(_ line: UnsafeRawBufferPointer, behind name: Int) -> Slice<UnsafeRawBufferPointer> {
            let isBlank = { (byte: UInt8) in byte == 32 || byte == 9 }
            var value = line[(name + 1)...].drop(while: isBlank)
            while let last = value.last, isBlank(last) { value = value.dropLast() }
            return value
        }

        private func has(_ value: Slice<UnsafeRawBufferPointer>, _ word: String) -> Bool {
            String(decoding: value, as: UTF8.self).lowercased().split(separator: ",").contains {
                $0.trimmingPrefix(" ") == word
            }
        }
    }

    /// A number without a sign; `nil` if the digits are not one, or if it is larger than any length.
    private static func number(_ digits: some Sequence<UInt8>, radix: Int) -> Int? {
        var number: Int?
        for byte in digits {
            let digit: UInt8 =
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
                case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
                default: 255
                }
            guard digit < radix, number ?? 0 < 1 << 48 else { return nil }
            number = (number ?? 0) * radix + Int(digit)
        }
        return number
    }
}

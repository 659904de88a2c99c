internal import BoxOffice

/// Reads the body of a hold in the form that nearly every client sends, in one walk over its bytes.
///
/// It knows no escapes, no signs and no letters beyond ASCII, and refuses nothing: ``BuyerRequests/hold`` reads all other
/// bodies, wrong ones too, and reads these the same way. That reader builds a document first, which took a dozen
/// allocations and 1.4 of the 21 µs of a hold.
package enum PlainHold {
    /// The hold; `nil` if the other reader has to read the body.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> BuyerRequests.Hold? {
        var walk = Walk(rest: bytes[...])
        guard let hold = walk.hold(), walk.isAtEnd else { return nil }
        return hold
    }

    private struct Walk {
        var rest: Slice<UnsafeRawBufferPointer>

        var isAtEnd: Bool {
            mutating get {
                skipBlanks()
                return rest.isEmpty
            }
        }

        mutating func hold() -> BuyerRequests.Hold? {
            var lines: OneOrMore<Line>?
            var buyer: Buyer?
            guard take("{") else { return nil }
            repeat {
                switch text() {
                case let name? where Self.isSame(name, "lines") && lines == nil:
                    guard take(":"), let read = self.lines() else { return nil }
                    lines = read
                case let name? where Self.isSame(name, "buyer") && buyer == nil:
                    guard take(":"), let read = text() else { return nil }
                    buyer = Buyer(String(decoding: read, as: UTF8.self))
                    if buyer == nil { return nil }
                default: return nil
                }
            } while take(",")
            guard take("}"), let lines else { return nil }
            return BuyerRequests.Hold(lines: lines, buyer: buyer)
        }

        private mutating func lines() -> OneOrMore<Line>? {
            guard take("["), let first = line() else { return nil }
            var lines = OneOrMore(first)
            while take(",") {
                guard lines.count < BuyerRequests.mostLines, let next = line() else { return nil }
                lines.rest.append(next)
            }
            return take("]") ? lines : nil
        }

        private mutating func line() -> Line? {
            var type: Code?
            var quantity: Int?
            var minimum: Int?
            guard take("{") else { return nil }
            repeat {
                switch text() {
                case let name? where Self.isSame(name, "type") && type == nil:
                    guard take(":"), let read = text() else { return nil }
                    type = Code(String(decoding: read, as: UTF8.self))
                    if type == nil { return nil }
                case let name? where Self.isSame(name, "quantity") && quantity == nil:
                    guard take(":"), let read = number() else { return nil }
                    quantity = read
                case let name? where Self.isSame(name, "min_quantity") && minimum == nil:
                    guard take(":"), let read = number() else { return nil }
                    minimum = read
                default: return nil
                }
            } while take(",")
            guard take("}"), let type, let quantity else { return nil }
            return Line(type: type, quantity: quantity, minimum: minimum)
        }

        /// From 1 to the most tickets of a hold.
        private mutating func number() -> Int? {
            skipBlanks()
            var number = 0
            while let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
                number = number * 10 + Int(digit - UInt8(ascii: "0"))
                // A number that begins with 0 is no JSON, or too small.
                guard (1...BuyerRequests.mostTickets).contains(number) else { return nil }
                rest = rest.dropFirst()
            }
            return number == 0 ? nil : number
        }

        private mutating func text() -> Slice<UnsafeRawBufferPointer>? {
            guard take("\"") else { return nil }
            guard let end = rest.firstIndex(where: { !Self.isPlain($0) }), rest[end] == UInt8(ascii: "\"") else {
                return nil
            }
            defer { rest = rest[(end + 1)...] }
            return rest[..<end]
        }

        private mutating func take(_ mark: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard rest.first == UInt8(ascii: mark) else { return false }
            rest = rest.dropFirst()
            return true
        }

        private mutating func skipBlanks() {
            while let byte = rest.first, byte == 32 || byte == 10 || byte == 13 || byte == 9 { rest = rest.dropFirst() }
        }

        private static func isPlain(_ byte: UInt8) -> Bool {
            (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }

        private static func isSame(_ name: Slice<UnsafeRawBufferPointer>, _ other: StaticString) -> Bool {
            name.elementsEqual(UnsafeRawBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
        }
    }
}

import NIOCore
import RedisWire
import Testing
import Workload

@Suite("Replies are read from bytes in any pieces")
struct RESPReaderTests {
    private static let good: [(bytes: String, reply: RedisReply)] = [
        ("+OK\r\n", .simpleString("OK")),
        ("+\r\n", .simpleString("")),
        ("-ERR no such thing\r\n", .error(RedisServerError(code: "ERR", message: "no such thing"))),
        ("-MOVED 1 a:2\r\n", .error(RedisServerError(code: "MOVED", message: "1 a:2"))),
        ("-busy now\r\n", .error(RedisServerError(code: "ERR", message: "busy now"))),
        ("-LOADING\r\n", .error(RedisServerError(code: "LOADING", message: ""))),
        (":0\r\n", .integer(0)), (":-7\r\n", .integer(-7)), (":+7\r\n", .integer(7)),
        (":9223372036854775807\r\n", .integer(.max)), (":-9223372036854775808\r\n", .integer(.min)),
        ("$0\r\n\r\n", .bulk(ByteBuffer())),
        ("$6\r\na\r\nb\r\n\r\n", .bulk(ByteBuffer(string: "a\r\nb\r\n"))),
        ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", .array([.integer(1), .array([.bulk(ByteBuffer(string: "x"))])])),
        ("%0\r\n", .map([])),
        (
            "%1\r\n+a\r\n~2\r\n#t\r\n#f\r\n",
            .map([
                RedisPair(key: .simpleString("a"), value: .set([.boolean(true), .boolean(false)]))
            ])
        ),
        ("~0\r\n", .set([])),
        (",1.5\r\n", .double(1.5)), (",-2e3\r\n", .double(-2000)), (",10\r\n", .double(10)),
        (",inf\r\n", .double(.infinity)), (",-inf\r\n", .double(-.infinity)),
        (
            "(-3492890328409238509324850943850943825024385\r\n",
            .bigNumber("-3492890328409238509324850943850943825024385")
        ),
        ("!10\r\nOOM it is \r\n", .error(RedisServerError(code: "OOM", message: "it is "))),
        ("=7\r\ntxt:abc\r\n", .verbatim(format: "txt", ByteBuffer(string: "abc"))),
        (">2\r\n+invalidate\r\n_\r\n", .push([.simpleString("invalidate"), .null])),
        ("|1\r\n+ttl\r\n:3600\r\n+OK\r\n", .simpleString("OK")),
        ("|0\r\n+OK\r\n", .simpleString("OK")),
        ("*2\r\n|1\r\n+k\r\n*1\r\n:0\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
    ]

    @Test("Every type is read", arguments: good.indices)
    func reading(index: Int) throws {
        let row = Self.good[index]
        var reader = RESPReader(limits: RESPLimits())
        reader.feed(ByteBuffer(string: row.bytes))
        #expect(try reader.next() == row.reply)
        #expect(try reader.next() == nil)
        #expect(reader.heldBytes == 0)
        #expect(reader.heldItems == 0)
    }

    @Test("Not-a-number is read")
    func notANumber() throws {
        var reader = RESPReader(limits: RESPLimits())
        reader.feed(ByteBuffer(string: ",nan\r\n"))
        #expect(try reader.next()?.double().isNaN == true)
    }

    @Test("A reply is complete with its last byte and not before", arguments: good.indices)
    func byteByByte(index: Int) throws {
        let row = Self.good[index]
        var reader = RESPReader(limits: RESPLimits())
        let bytes = Array(row.bytes.utf8)
        for byte in bytes.dropLast() {
            reader.feed(ByteBuffer(bytes: [byte]))
            #expect(try reader.next() == nil)
        }
        reader.feed(ByteBuffer(bytes: [bytes[bytes.count - 1]]))
        #expect(try reader.next() == row.reply)
    }

    private static let tight: RESPLimits = {
        var limits = RESPLimits()
        limits.lineBytes = 24
        limits.stringBytes = 30
        limits.depth = 3
        limits.items = 8
        limits.replyBytes = 100
        return limits
    }()

    private static let bad: [(bytes: String, mistake: RESPMistake)] = [
        ("x", .unknownType(UInt8(ascii: "x"))), ("\r\n", .unknownType(13)), ("*1\r\n\u{0}", .unknownType(0)),
        ("+OK\n", .badLineEnd), ("+O\rK\r\n", .badLineEnd), ("+OK\r\r\n", .badLineEnd), ("$1\r\nab\r\n", .badLineEnd),
        ("$1\r\na\n\r", .badLineEnd), (":1\n", .badLineEnd),
        (":\r\n", .badNumber), (":1a\r\n", .badNumber), (":-\r\n", .badNumber), (": 1\r\n", .badNumber),
        (":9223372036854775808\r\n", .badNumber), (":-9223372036854775809\r\n", .badNumber),
        ("$\r\n", .badNumber), ("$x\r\n", .badNumber), ("*1.0\r\n", .badNumber), (",\r\n", .badNumber),
        (",0x10\r\n", .badNumber), (",1.2.3\r\n", .badNumber), (",infinity\r\n", .badNumber),
        ("(\r\n", .badNumber), ("(1a\r\n", .badNumber), ("(+\r\n", .badNumber),
        ("$-2\r\n", .badLength), ("*-2\r\n", .badLength), ("%-1\r\n", .badLength), ("~-1\r\n", .badLength),
        ("#x\r\n", .badBoolean), ("#\r\n", .badBoolean), ("#tt\r\n", .badBoolean), ("_x\r\n", .badNull),
        ("=3\r\ntxt\r\n", .badVerbatim), ("=4\r\ntxt.\r\n", .badVerbatim),
        ("$?\r\n", .streamed), ("*?\r\n", .streamed), ("%?\r\n", .streamed),
        ("*1\r\n>1\r\n+a\r\n", .pushInside),
        ("+" + String(repeating: "a", count: 24), .lineTooLong),
        ("$31\r\n", .stringTooLong),
        ("*1\r\n*1\r\n*1\r\n*1\r\n", .tooDeep),
        ("*9\r\n", .tooManyItems), ("%5\r\n", .tooManyItems), ("*4\r\n*5\r\n", .tooManyItems),
        ("*9223372036854775807\r\n", .tooManyItems), ("%9223372036854775807\r\n", .tooManyItems),
        (
            "*4\r\n$30\r\n" + String(repeating: "a", count: 30) + "\r\n$30\r\n"
                + String(repeating: "a", count: 30) + "\r\n$30\r\n", .tooLarge
        ),
    ]

    @Test("A mistake has a name, and the reader stays broken", arguments: bad.indices)
    func mistakes(index: Int) {
        let row = Self.bad[index]
        var reader = RESPReader(limits: Self.tight)
        reader.feed(ByteBuffer(string: row.bytes))
        #expect(throws: row.mistake) { while try reader.next() != nil {} }
        reader.feed(ByteBuffer(string: "+OK\r\n"))
        #expect(throws: row.mistake) { try reader.next() }
        #expect(reader.heldBytes == 0)
    }

    @Test("A reply exactly at a limit is read")
    func bounds() throws {
        let texts = [
            "+" + String(repeating: "a", count: 23) + "\r\n", "$30\r\n" + String(repeating: "a", count: 30) + "\r\n",
            "*1\r\n*1\r\n*1\r\n*0\r\n", "*8\r\n" + String(repeating: "_\r\n", count: 8),
            "%4\r\n" + String(repeating: "_\r\n", count: 8),
        ]
        for text in texts {
            var reader = RESPReader(limits: Self.tight)
            for _ in 0..<3 {
                reader.feed(ByteBuffer(string: text))
                #expect(try reader.next() != nil, "\(text)")
            }
        }
    }

    @Test("However the bytes are split, replies and mistake are the same", arguments: 0..<40)
    func splitting(seed: UInt64) {
        var seeds = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var text = ""
            for _ in 0..<seeds.number(in: 1...12) {
                text += Self.good[seeds.number(in: 0...(Self.good.count - 1))].bytes
            }
            if seeds.chance(30) { text += Self.bad[seeds.number(in: 0...(Self.bad.count - 1))].bytes }
            var bytes = Array(text.utf8)
            if seeds.chance(20) { bytes[seeds.number(in: 0...(bytes.count - 1))] = UInt8(seeds.number(in: 0...255)) }
            let whole = Self.read([bytes], limits: Self.tight)
            var pieces: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = min(rest.count, seeds.number(in: 1...(seeds.chance(50) ? 3 : 40)))
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let parts = Self.read(pieces, limits: Self.tight)
            #expect(whole.replies == parts.replies, "seed \(seed)")
            #expect(whole.mistake == parts.mistake, "seed \(seed)")
        }
    }

    @Test("Garbage never crashes the reader and never makes it keep more than its limits", arguments: 0..<40)
    func garbage(seed: UInt64) {
        var seeds = SeededGenerator(seed: seed &+ 1000)
        // Bytes with a meaning come far more often than at random.
        let alphabet = Array("+-:$*%~>|_#,(!=0123456789tf\r\n\r\n\r\n1-?".utf8)
        for _ in 0..<200 {
            var reader = RESPReader(limits: Self.tight)
            feeding: for _ in 0..<20 {
                let piece = (0..<seeds.number(in: 1...30)).map { _ in
                    seeds.chance(90)
                        ? alphabet[seeds.number(in: 0...(alphabet.count - 1))] : UInt8(seeds.number(in: 0...255))
                }
                reader.feed(ByteBuffer(bytes: piece))
                do { while try reader.next() != nil {} } catch { break feeding }
                #expect(reader.heldBytes <= 32, "seed \(seed)")
                #expect(reader.heldItems <= 8, "seed \(seed)")
            }
        }
    }

    @Test("Ten million announced items reserve no memory for ten million")
    func announcing() throws {
        var limits = RESPLimits()
        limits.items = 1 << 40
        var reader = RESPReader(limits: limits)
        reader.feed(ByteBuffer(string: "*1000000000000\r\n:1\r\n"))
        #expect(try reader.next() == nil)
        #expect(reader.heldItems == 1)
    }

    private static func read(_ pieces: [[UInt8]], limits: RESPLimits) -> (replies: [RedisReply], mistake: RESPMistake?)
    {
        var reader = RESPReader(limits: limits)
        var replies: [RedisReply] = []
        for piece in pieces {
            reader.feed(ByteBuffer(bytes: piece))
            do throws(RESPMistake) {
                while let reply = try reader.next() { replies.append(reply) }
            } catch {
                return (replies, error)
            }
        }
        return (replies, nil)
    }
}

@Suite("A reply is read for its shape")
struct ShapeTests {
    @Test("Reading a shape returns it, or throws what it found instead")
    func shapes() throws {
        #expect(try RedisReply.integer(4).integer() == 4)
        #expect(try RedisReply.bulk(ByteBuffer(string: "-12")).integer() == -12)
        #expect(try RedisReply.simpleString("x").bytes() == ByteBuffer(string: "x"))
        #expect(try RedisReply.verbatim(format: "txt", ByteBuffer(string: "x")).text() == "x")
        #expect(try RedisReply.bulk(ByteBuffer(string: "1.5")).double() == 1.5)
        #expect(try RedisReply.integer(1).boolean())
        #expect(try RedisReply.set([.null]).array() == [.null])
        #expect(try RedisReply.null.optional { reply throws(RedisShapeError) in try reply.integer() } == nil)
        #expect(try RedisReply.integer(1).optional { reply throws(RedisShapeError) in try reply.integer() } == 1)
        let flat = RedisReply.array([.simpleString("a"), .integer(1), .simpleString("b"), .integer(2)])
        #expect(try flat.value(under: "b") == .integer(2))
        #expect(try flat.value(under: "c") == nil)
        #expect(try flat.array(of: 4).count == 4)
        let wrong: [(RedisShapeError, () throws -> Void)] = [
            (
                RedisShapeError(expected: "a whole number", found: "a bulk string"),
                {
                    _ = try RedisReply.bulk(ByteBuffer(string: "1x")).integer()
                }
            ),
            (RedisShapeError(expected: "a string", found: "null"), { _ = try RedisReply.null.bytes() }),
            (RedisShapeError(expected: "a map", found: "an array of 1"), { _ = try RedisReply.array([.null]).pairs() }),
            (RedisShapeError(expected: "an array of 2", found: "an array of 4"), { _ = try flat.array(of: 2) }),
            (RedisShapeError(expected: "a boolean", found: "an integer"), { _ = try RedisReply.integer(2).boolean() }),
            (
                RedisShapeError(expected: "a text", found: "the error OOM"),
                {
                    _ = try RedisReply.error(RedisServerError(code: "OOM", message: "secret")).text()
                }
            ),
        ]
        for (error, read) in wrong { #expect(throws: error) { try read() } }
    }
}

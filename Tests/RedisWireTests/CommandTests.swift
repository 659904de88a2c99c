import NIOCore
import RedisWire
import Testing

@Suite("A command is written as bulk strings")
struct CommandTests {
    @Test("Texts, numbers and bytes follow their count")
    func writing() {
        var command = RedisCommand("SET")
        command.append("Käse")
        command.append(-42)
        command.append(ByteBuffer(bytes: [0, 13, 10, 255]))
        command.append([UInt8]())
        command.append(Array("xy".utf8)[...])
        #expect(command.argumentCount == 6)
        let expected =
            Array("*6\r\n$3\r\nSET\r\n$5\r\nKäse\r\n$3\r\n-42\r\n$4\r\n".utf8) + [0, 13, 10, 255]
            + Array("\r\n$0\r\n\r\n$2\r\nxy\r\n".utf8)
        #expect(Array(command.encoded().readableBytesView) == expected)
    }

    @Test(
        "Numbers are written in decimal",
        arguments: [0, 1, -1, 9, 10, 99, 100, -100, 1_234_567_890, Int.max, Int.min])
    func numbers(number: Int) {
        var command = RedisCommand("X")
        command.append(number)
        let digits = "\(number)"
        #expect(String(buffer: command.encoded()) == "*2\r\n$1\r\nX\r\n$\(digits.utf8.count)\r\n\(digits)\r\n")
    }

    @Test("The count of arguments may have one to six digits", arguments: [1, 9, 10, 99, 100, 1_000, 123_456])
    func counts(count: Int) {
        var command = RedisCommand("X")
        for _ in 1..<count { command.append("") }
        var encoded = command.encoded()
        let start = "*\(count)\r\n$1\r\nX\r\n"
        #expect(encoded.readString(length: start.utf8.count) == start)
        #expect(encoded.readableBytes == 6 * (count - 1))
    }

    @Test("A command that grows beyond a limit takes no more arguments and says so")
    func bounds() {
        var command = RedisCommand("X")
        command.append([UInt8](repeating: 1, count: RedisCommand.largest - 100))
        #expect(!command.isTooLarge)
        command.append([UInt8](repeating: 1, count: 100))
        #expect(command.isTooLarge)
        #expect(command.argumentCount == 2)
        var many = RedisCommand("X")
        for _ in 1..<RedisCommand.mostArguments { many.append(1) }
        #expect(!many.isTooLarge)
        many.append(1)
        #expect(many.isTooLarge)
        #expect(many.argumentCount == RedisCommand.mostArguments)
    }

    @Test("A description shows no argument")
    func description() {
        #expect("\(RedisCommand("AUTH", "hunter2"))" == "a command of 2 arguments, 23 bytes")
    }
}

@Suite("A key has its slot")
struct SlotTests {
    @Test(
        "Slots are those of a server's CLUSTER KEYSLOT",
        arguments: [
            // The specification's own check value, and what redis-server 7.0 answers.
            ("123456789", 12739), ("", 0), ("foo", 12182), ("{user1000}.following", 3443),
            ("{user1000}.followers", 3443), ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("foo{bar}{zap}", 5061),
            ("bar", 5061), ("{}", 15257), ("{", 4092), ("a{b", 13340),
        ])
    func slots(key: String, slot: Int) {
        #expect(RedisKey(key).slot == RedisSlot(slot))
    }

    @Test("There are 16384 slots")
    func range() {
        #expect(RedisSlot(-1) == nil)
        #expect(RedisSlot(0) != nil)
        #expect(RedisSlot(16383) != nil)
        #expect(RedisSlot(16384) == nil)
    }
}

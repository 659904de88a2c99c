import BoxOffice
import NIOCore
import Testing
import TicketAPI
import TicketStore

@Suite("Keys that were looked up a moment ago")
struct KeyMemoryTests {
    private static let asked = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func memory(_ key: OperatorKey, wall: Int64) -> KeyMemory {
        var memory = KeyMemory()
        memory.take(key, of: "hfk_x", askedAt: asked, wall: WallTime(milliseconds: wall))
        return memory
    }

    private static func key(until end: Int64?) -> OperatorKey {
        OperatorKey(
            id: "abcd1234",
            .init(name: "shop", role: .shop, expiresAt: end.map { WallTime(milliseconds: $0) }),
            madeAt: WallTime(milliseconds: 0))
    }

    @Test(
        "A key is remembered for less than a second, and never beyond its end (R48 Operator keys)",
        arguments: [(nil, 900), (5_000, 900), (1_500, 500), (1_001, 1), (1_000, 0), (0, 0)] as [(Int64?, Int64)])
    func remembered(end: Int64?, milliseconds: Int64) {
        let memory = Self.memory(Self.key(until: end), wall: 1_000)
        if milliseconds > 0 {
            #expect(memory.key(of: "hfk_x", at: Self.asked + .milliseconds(milliseconds) - .nanoseconds(1)) != nil)
        }
        #expect(memory.key(of: "hfk_x", at: Self.asked + .milliseconds(milliseconds)) == nil)
        #expect(memory.key(of: "hfk_y", at: Self.asked) == nil)
    }

    @Test("A request that a key let in knows it to its end, however late that comes (R43 Override)")
    func letIn() {
        let key = Self.key(until: nil)
        let memory = Self.memory(key, wall: 0)
        #expect(memory.key(of: "hfk_x", at: Self.asked + KeyMemory.kept) == nil)
        #expect(memory.letIn("hfk_x")?.id == key.id)
        #expect(memory.letIn("hfk_y") == nil)
    }
}

import BoxOffice
import StrictJSON
import Testing
import TicketStore

/// What keys may do, how stores keep them, and when one can be revoked (R48 Operator keys).
@Suite("Operators' keys")
struct OperatorKeyTests {
    private static func key(
        _ id: String, _ role: OperatorKey.Role = .operator, events: [String] = [], until end: Int64? = nil,
        revokedAt: Int64? = nil, madeAt: Int64 = 10
    ) -> OperatorKey {
        var key = OperatorKey(
            id: id,
            .init(
                name: id, role: role, events: events.compactMap { Code($0) },
                expiresAt: end.map { WallTime(milliseconds: $0) }), madeAt: WallTime(milliseconds: madeAt))
        key.revokedAt = revokedAt.map { WallTime(milliseconds: $0) }
        if revokedAt != nil { key.revokedBy = .command }
        return key
    }

    @Test("Each role has its rights, and a bound key never manages keys")
    func rights() {
        let rights: [(OperatorKey, Set<OperatorKey.Right>)] = [
            (Self.key("a"), Set(OperatorKey.Right.allCases)),
            (Self.key("b", events: ["hall"]), Set(OperatorKey.Right.allCases).subtracting([.manageKeys, .runService])),
            (Self.key("c", .viewer), [.readLists, .readPurchases, .lookAtHolds]),
            (Self.key("d", .shop), [.lookAtHolds, .sell, .override, .readPurchases, .returnPurchases, .correct]),
        ]
        for (key, wanted) in rights {
            #expect(Set(OperatorKey.Right.allCases.filter(key.may)) == wanted, "\(key.id)")
        }
    }

    @Test("Keys with one name are one seller; a name of more bytes than a seller has makes a seller of its own")
    func sellers() {
        let (one, other) = (Self.key("a", .shop), Self.key("b", .shop))
        #expect(one.seller != other.seller)
        var successor = other
        successor.name = one.name
        #expect(successor.seller == one.seller && successor.completer == one.completer)
        var operators = Self.key("c")
        operators.name = one.name
        #expect(operators.seller == one.seller && operators.completer != one.completer)
        successor.name = String(repeating: "e\u{301}\u{302}", count: 100)
        #expect(successor.seller.text == "b")
        let own = OperatorKey.Right.allCases.filter(one.isSeller)
        #expect(own == [.readPurchases, .returnPurchases, .correct] && !operators.isSeller(.correct))
    }

    @Test("A bound key works for its events, another one for all")
    func events() throws {
        let (hall, other) = (try #require(Code("hall")), try #require(Code("other")))
        #expect(Self.key("a").works(for: other))
        #expect(Self.key("a", events: ["hall"]).works(for: hall))
        #expect(!Self.key("a", events: ["hall"]).works(for: other))
    }

    @Test("A key works until the moment of its end, and not at it")
    func end() {
        let key = Self.key("a", until: 1_000)
        #expect(key.isValid(at: WallTime(milliseconds: 999)))
        #expect(!key.isValid(at: WallTime(milliseconds: 1_000)))
        #expect(!Self.key("a", revokedAt: 5).isValid(at: WallTime(milliseconds: 1)))
    }

    @Test("The last key that manages keys is not revoked by a call, and is by the command")
    func last() {
        let now = WallTime(milliseconds: 100)
        let others = [
            Self.key("viewer", .viewer), Self.key("bound", events: ["hall"]), Self.key("ended", until: 100),
            Self.key("revoked", revokedAt: 50),
        ]
        let table: [(String, [OperatorKey], keeps: Bool, KeyRevocation, changes: Bool)] = [
            ("anna", others + [Self.key("anna")], true, .lastManager, false),
            ("anna", others + [Self.key("anna")], false, .revoked, true),
            ("anna", others + [Self.key("anna"), Self.key("ben", until: 101)], true, .revoked, true),
            ("viewer", others + [Self.key("anna")], true, .revoked, true),
            ("revoked", others, true, .revoked, false), ("nobody", others, true, .unknown, false),
        ]
        for (id, keys, keeps, outcome, changes) in table {
            let decided = KeyRevocation.decide(id, among: keys, at: now, keepsManager: keeps)
            #expect(decided.0 == outcome && decided.changes == changes, "\(id)")
        }
    }

    @Test("What a store keeps of a key is read as it was written, and what cannot be read works no longer")
    func kept() {
        var bound = Self.key("a", events: ["hall", "other"], until: 1_000, revokedAt: 20)
        bound.madeBy = .init(key: "abcd1234", name: "Anna \"ä\"", reason: "tours")
        bound.revokedBy = .init(key: "abcd1234", name: "Ben")
        for key in [bound, Self.key("plain"), Self.key("gone", revokedAt: 7)] {
            var read = OperatorKey(id: key.id, .init(name: key.name, role: key.role), madeAt: key.madeAt)
            read.revokedAt = key.revokedAt
            read.take(more: key.moreText)
            #expect(read == key)
        }
        #expect(Self.key("plain").moreText == nil)
        for damaged in ["", "{}", "x", #"{"events":["no code!"],"made_by":{"key":"-","name":"x"}}"#] {
            var key = Self.key("a")
            key.take(more: damaged)
            #expect(!key.isValid(at: WallTime(milliseconds: 1)), "\(damaged)")
        }
    }

    @Test("The audit has who made and who revoked each key, and why, in the order of the moments")
    func audit() throws {
        var lost = Self.key("lost", .shop, events: ["hall"], until: 900, revokedAt: 30, madeAt: 5)
        lost.madeBy = .init(key: "abcd1234", name: "Anna", reason: "tours")
        lost.revokedBy = .init(key: "efgh5678", name: "Ben", reason: "it was lost")
        let entries = [Self.key("late", madeAt: 20), lost].audit
        #expect(entries.map(\.note.action) == ["key.make", "key.make", "key.revoke"])
        #expect(entries.map(\.note.subject) == ["lost", "late", "lost"])
        #expect(entries.map(\.note.name) == ["Anna", "holdfast key", "Ben"])
        #expect(entries.map(\.note.reason) == ["tours", nil, "it was lost"])
        #expect(entries[0].note.differences.map(\.member) == ["/name", "/role", "/events", "/expires_at"])
        #expect(entries[0].note.differences[2].to == .array([.string("hall")]))
        #expect(entries.map(\.at.milliseconds) == [5, 20, 30])
    }
}

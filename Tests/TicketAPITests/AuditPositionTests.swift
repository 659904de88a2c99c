import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// One audit from two sources (R49 Audit differences).
@Suite("Pages of the audit")
struct AuditPositionTests {
    private static func record(_ sequence: UInt64, at moment: Int64, by key: String = "k") -> AuditRecord {
        AuditRecord(
            sequence: sequence, at: WallTime(milliseconds: moment), event: nil,
            note: AuditNote(key: key, name: "n", action: "a", subject: "\(key)\(sequence)"))
    }

    /// Reads everything in pages, as a client does.
    private static func read(
        _ ledger: [AuditRecord], _ keys: [AuditRecord], limit: Int, _ filter: AuditFilter = AuditFilter()
    ) throws -> [String] {
        var (position, subjects, pages) = (AuditPosition(), [String](), 0)
        while true {
            let rest = ledger.filter { $0.sequence > position.ledger && filter.matches($0) }.prefix(limit + 1)
            let (page, next) = position.merge(Array(rest), keys, limit: limit, filter)
            #expect(page.count <= limit)
            subjects += page.map(\.note.subject)
            pages += 1
            guard let next, pages < 100 else { return subjects }
            #expect(page.count == limit)
            position = try #require(AuditPosition(cursor: next.cursor))
            #expect(position == next)
        }
    }

    @Test("Pages of any size have each entry of both sources once, in the order of the moments", arguments: 1...9)
    func pages(limit: Int) throws {
        let ledger = [Self.record(3, at: 10), Self.record(7, at: 30), Self.record(8, at: 20), Self.record(9, at: 40)]
        let keys = [Self.record(5, at: 5, by: "x"), Self.record(30, at: 30, by: "x"), Self.record(99, at: 99, by: "x")]
        #expect(try Self.read(ledger, keys, limit: limit) == ["x5", "k3", "k7", "k8", "x30", "k9", "x99"])
        #expect(try Self.read([], keys, limit: limit) == ["x5", "x30", "x99"])
        #expect(try Self.read(ledger, [], limit: limit) == ["k3", "k7", "k8", "k9"])
        #expect(try Self.read([], [], limit: limit).isEmpty)
        #expect(try Self.read(ledger, keys, limit: limit, AuditFilter(key: "x")) == ["x5", "x30", "x99"])
        let late = AuditFilter(since: WallTime(milliseconds: 30))
        #expect(try Self.read(ledger, keys, limit: limit, late) == ["k7", "x30", "k9", "x99"])
    }

    @Test("From the newest on, pages of any size have the same entries in the other order", arguments: 1...9)
    func newest(limit: Int) throws {
        let ledger = [Self.record(3, at: 10), Self.record(7, at: 20), Self.record(8, at: 30), Self.record(9, at: 40)]
        let keys = [Self.record(5, at: 5, by: "x"), Self.record(30, at: 30, by: "x"), Self.record(99, at: 99, by: "x")]
        func read(
            _ ledger: [AuditRecord], _ keys: [AuditRecord], _ filter: AuditFilter = AuditFilter()
        ) throws -> [String] {
            var (position, subjects, pages) = (NewestAuditPosition(), [String](), 0)
            while true {
                let rest = ledger.reversed().filter { entry in
                    (position.ledger.map { entry.sequence < $0 } ?? true) && filter.matches(entry)
                }
                let (page, next) = position.merge(Array(rest.prefix(limit + 1)), keys, limit: limit, filter)
                subjects += page.map(\.note.subject)
                pages += 1
                guard let next, pages < 100 else { return subjects }
                #expect(page.count == limit)
                position = try #require(NewestAuditPosition(cursor: next.cursor))
                #expect(position == next)
            }
        }
        #expect(try read(ledger, keys) == ["x99", "k9", "x30", "k8", "k7", "k3", "x5"])
        #expect(try read(ledger, keys) == Self.read(ledger, keys, limit: limit).reversed())
        #expect(try read([], keys) == ["x99", "x30", "x5"])
        #expect(try read(ledger, []) == ["k9", "k8", "k7", "k3"])
        #expect(try read([], []).isEmpty)
        #expect(try read(ledger, keys, AuditFilter(key: "x")) == ["x99", "x30", "x5"])
        for strange in ["", "n", "n0", "n00.", "n1.2.3", "c1.2", "n-1.", "nA."] {
            #expect(NewestAuditPosition(cursor: strange) == nil, "\(strange)")
        }
    }

    @Test(
        "A cursor of another form is none of ours",
        arguments: [
            "", "c", "c0", "c.", "c0.", "c.0", "c00.0", "c1.2.3", "x1.2", "c-1.2", "cA.0", "c1.zzzzzzzzzzzzzzzz",
        ])
    func strange(cursor: String) {
        #expect(AuditPosition(cursor: cursor) == nil)
    }
}

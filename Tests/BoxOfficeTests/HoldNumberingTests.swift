import BoxOffice
import Testing
import TicketStore

/// R51 Moving a sale: the numbers of holds that were moved.
@Suite("Numbers of moved holds")
struct HoldNumberingTests {
    private func sample() -> HoldNumbering {
        var numbering = HoldNumbering()
        // Two events whose holds took turns.
        for (known, kept) in [(1, 100), (2, 101), (3, 700), (4, 102), (5, 701), (6, 702)] as [(UInt64, UInt64)] {
            numbering.add(HoldID(known), as: HoldID(kept))
        }
        numbering.finish()
        return numbering
    }

    @Test("Each known number leads to the kept one and back; others mean the same on both sides")
    func both() {
        let numbering = sample()
        let pairs: [(UInt64, UInt64)] = [(1, 100), (2, 101), (3, 700), (4, 102), (5, 701), (6, 702), (0, 0), (7, 7)]
        for (known, kept) in pairs {
            #expect(numbering.kept(HoldID(known)) == HoldID(kept))
            #expect(numbering.known(HoldID(kept)) == HoldID(known))
        }
        for other in [99, 103, 699, 703, UInt64.max] {
            #expect(numbering.known(HoldID(other)) == HoldID(other))
            #expect(numbering.kept(HoldID(other)) == HoldID(other))
        }
        for other in [100, 102, 700] as [UInt64] { #expect(numbering.kept(HoldID(other)) == HoldID(0)) }
    }

    @Test("A number that the store uses for a hold with another known number is not a hold's (R63 Backup)")
    func nobodys() {
        var numbering = HoldNumbering()
        // From hold 4 on, numbers begin behind those that another ledger may have given.
        numbering.add(HoldID(1_000), as: HoldID(4), count: 1 << 62)
        numbering.finish()
        let pairs: [(UInt64, UInt64)] = [(3, 3), (4, 0), (5, 0), (999, 0), (1_000, 4), (1_001, 5)]
        for (known, kept) in pairs { #expect(numbering.kept(HoldID(known)) == HoldID(kept)) }
        for (known, kept) in pairs where kept > 0 { #expect(numbering.known(HoldID(kept)) == HoldID(known)) }
    }

    @Test("Numbers may be added in any order; a number that means the same on both sides needs no run")
    func anyOrder() {
        var numbering = HoldNumbering()
        for (known, kept) in [(900, 1), (500, 2), (3, 3), (501, 4), (2, 5)] as [(UInt64, UInt64)] {
            numbering.add(HoldID(known), as: HoldID(kept))
        }
        numbering.finish()
        for (known, kept) in [(900, 1), (500, 2), (3, 3), (501, 4), (2, 5)] as [(UInt64, UInt64)] {
            #expect(numbering.kept(HoldID(known)) == HoldID(kept))
            #expect(numbering.known(HoldID(kept)) == HoldID(known))
        }
        #expect(numbering.stretches.map(\.known.number) == [2, 500, 501, 900])
    }

    @Test("Consecutive numbers are one run, and bytes bring the numbering back")
    func bytes() {
        let numbering = sample()
        #expect(numbering.bytes.count == 4 * HoldNumbering.runBytes)
        #expect(HoldNumbering(bytes: numbering.bytes) == numbering)
        #expect(HoldNumbering(bytes: [])?.isEmpty == true)
        #expect(HoldNumbering(bytes: numbering.bytes.dropLast()) == nil)
        // A run that begins within the one before it.
        #expect(HoldNumbering(bytes: numbering.bytes + numbering.bytes) == nil)
    }
}

internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

// Which holds an operator may want to erase (R41 Erasure).

extension SalesLists {
    /// Calls that one page makes, with 1,000 holds each.
    private static let callsOfAPage = 20

    /// - Parameter numbering: the numbers that moved holds have in the audit.
    func erasable(
        _ scope: ErasureScope, after hold: HoldID?, isCluster: Bool, _ numbering: HoldNumbering
    ) async throws -> ErasurePage {
        if case .hold(let only) = scope { return try await erasable(only, isCluster: isCluster) }
        var found: [ErasableHold] = []
        var calls = 0
        var behind = hold
        for (number, _) in allKnown(scope.event) where number >= hold?.event ?? 0 {
            var from = number == hold?.event ? (hold?.numberWithinEvent ?? 0) + 1 : 1
            let reported = try await reported(at: number)
            let corrected = scope.isOfPersons ? [] : try await corrected(at: number, numbering)
            while from > 0 {
                guard calls < Self.callsOfAPage else { return ErasurePage(holds: found, behind: behind) }
                let page = try await page(of: number, from: from, onlySold: false)
                calls += 1
                for (held, record) in page.records
                where record.isErasable(scope, isNamed: reported[held] != nil || corrected.contains(held)) {
                    guard found.count < ErasurePage.most else { break }
                    let id = HoldID(event: number, hold: held)
                    found.append(record.erasable(id, reported[held] ?? []))
                    behind = id
                }
                if found.count == ErasurePage.most { return ErasurePage(holds: found, behind: behind) }
                from = page.next
                behind = HoldID(event: number, hold: from > 0 ? from - 1 : 1 << HoldID.bitsWithinEvent - 1)
            }
        }
        return ErasurePage(holds: found, behind: nil)
    }

    private func erasable(_ hold: HoldID, isCluster: Bool) async throws -> ErasurePage {
        let isKnown = state.withLock { $0.directory.entries[hold.event] != nil }
        guard isKnown else { return ErasurePage(holds: [], behind: nil) }
        let page = try await page(of: hold.event, from: hold.numberWithinEvent, onlySold: false)
        guard let (number, record) = page.records.first, number == hold.numberWithinEvent else {
            return ErasurePage(holds: [], behind: nil)
        }
        // Only claims need them.
        let reported = isCluster ? try await reported(at: hold.event)[number] : nil
        return ErasurePage(holds: [record.erasable(hold, reported ?? [])], behind: nil)
    }

    /// The holds of an event of whose corrections the audit has texts. One that was taken back left its text nowhere
    /// else.
    private func corrected(at event: EventNumber, _ numbering: HoldNumbering) async throws -> Set<UInt64> {
        let keys = keyspace.keys(of: event)
        var corrected: Set<UInt64> = []
        var from = "-inf"
        while true {
            let range = RedisCommand(
                "ZRANGEBYSCORE", keys.audit, from, "+inf", "LIMIT", "0", "\(Self.debtPage)", isRepeatable: true)
            let entries = try await caller.ask(range, to: keys.route).array().map {
                try AuditRecord(packed: $0.bytes(), event: event, code: nil)
            }
            for entry in entries where entry.note.isOfCorrection {
                guard let number = UInt64(entry.note.subject.dropFirst()) else { continue }
                let hold = numbering.kept(HoldID(number))
                if hold.event == event { corrected.insert(hold.numberWithinEvent) }
            }
            guard entries.count == Self.debtPage, let last = entries.last else { return corrected }
            from = "(\(AuditNumber(last.sequence).score)"
        }
    }

    /// The payments in an event's list of debts that were not erased, by hold.
    private func reported(at event: EventNumber) async throws -> [UInt64: Set<PaymentReference>] {
        var reported: [UInt64: Set<PaymentReference>] = [:]
        var from: UInt64 = 0
        while true {
            let (entries, _) = try await debts(of: event, from: from)
            for entry in entries {
                guard let payment = PaymentReference(entry.payment) else { continue }
                reported[entry.hold, default: []].insert(payment)
            }
            guard entries.count == Self.debtPage else { return reported }
            from += UInt64(entries.count)
        }
    }
}

extension AuditNote {
    /// Whether it says what a correction made of what. After an erasure it does not.
    fileprivate var isOfCorrection: Bool {
        action.hasSuffix(".correct") && (!differences.isEmpty || leftOut > 0 || reason != nil)
    }
}

extension ErasureScope {
    /// Whether it is about one hold, or what a buyer has now.
    fileprivate var isOfPersons: Bool { if case .event = self { false } else { true } }

    /// The event to look through; `nil` for all.
    fileprivate var event: Code? {
        switch self {
        case .hold, .buyer(_, event: nil): nil
        case .buyer(_, let event?): event
        case .event(let event, _): event
        }
    }
}

extension PackedRecord {
    /// - Parameter isNamed: whether the list of debts or the audit says something about this hold.
    fileprivate func isErasable(_ scope: ErasureScope, isNamed: Bool) -> Bool {
        switch scope {
        case .hold: true
        case .buyer(let wanted, _): buyer.map { $0.utf8.elementsEqual(wanted.text.utf8) } ?? false
        case .event(_, let before):
            heldAt < before
                && (buyer != nil || note != nil || isNamed || payment.map { PaymentReference($0) != nil } ?? false)
        }
    }

    fileprivate func erasable(_ hold: HoldID, _ reported: Set<PaymentReference>) -> ErasableHold {
        let bought = payment.flatMap { PaymentReference($0) }
        let references = reported.union(bought.map { [$0] } ?? [])
        return ErasableHold(
            hold: hold, isSold: state == .purchased || state == .returned,
            references: references.sorted { $0.text < $1.text })
    }
}

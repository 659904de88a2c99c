internal import BoxOffice
package import TicketStore

/// How far somebody has read the audit: its two sources have an order each.
package struct AuditPosition: Sendable, Equatable {
    /// The number of the last entry from the ledger; 0 before the first.
    package var ledger: UInt64 = 0
    /// How many entries about keys were passed.
    package var keys: UInt64 = 0

    package init() {}

    /// Opaque to clients, so that what it means can change.
    package var cursor: String { "c" + String(ledger, radix: 36) + "." + String(keys, radix: 36) }

    /// `nil` if it is not a cursor of ours.
    package init?(cursor: String) {
        let parts = cursor.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let ledger = UInt64(parts[0], radix: 36), let keys = UInt64(parts[1], radix: 36)
        else { return nil }
        (self.ledger, self.keys) = (ledger, keys)
        guard self.cursor == cursor else { return nil }
    }

    /// The next entries of both sources in the order of their moments, each source in its own order.
    ///
    /// - Parameters:
    ///   - ledger: those that match behind this position: one more than the limit, or all.
    ///   - keys: all of them.
    /// - Returns: the entries, and the position behind them; `nil` at the end.
    package func merge(
        _ ledger: [AuditRecord], _ keys: [AuditRecord], limit: Int, _ filter: AuditFilter
    ) -> ([AuditRecord], next: AuditPosition?) {
        var position = self
        var found: [AuditRecord] = []
        var changes = ledger[...]
        while true {
            while position.keys < keys.count, !filter.matches(keys[Int(position.keys)]) { position.keys += 1 }
            let key = position.keys < keys.count ? keys[Int(position.keys)] : nil
            guard changes.first != nil || key != nil else { return (found, nil) }
            if found.count == limit { return (found, position) }
            if let change = changes.first, key.map({ change.at <= $0.at }) ?? true {
                found.append(change)
                changes.removeFirst()
                position.ledger = change.sequence
            } else if let key {
                found.append(key)
                position.keys += 1
            }
        }
    }
}

/// How far somebody has read the audit from its newest entry on.
package struct NewestAuditPosition: Sendable, Equatable {
    /// The number of the last entry from the ledger; `nil` before the first.
    package var ledger: UInt64?
    /// How many entries about keys are left; `nil` for all that there are.
    package var keys: UInt64?

    package init() {}

    /// Opaque to clients, so that what it means can change.
    package var cursor: String {
        "n" + (ledger.map { String($0, radix: 36) } ?? "") + "." + (keys.map { String($0, radix: 36) } ?? "")
    }

    /// `nil` if it is not a cursor of ours.
    package init?(cursor: String) {
        let parts = cursor.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        ledger = UInt64(parts[0], radix: 36)
        keys = UInt64(parts[1], radix: 36)
        guard self.cursor == cursor else { return nil }
    }

    /// The next entries of both sources, the newest first.
    ///
    /// - Parameters:
    ///   - ledger: those that match before this position, the newest first: one more than the limit, or all.
    ///   - keys: all of them, the oldest first.
    /// - Returns: the entries, and the position behind them; `nil` at the end.
    package func merge(
        _ ledger: [AuditRecord], _ keys: [AuditRecord], limit: Int, _ filter: AuditFilter
    ) -> ([AuditRecord], next: NewestAuditPosition?) {
        var position = self
        var found: [AuditRecord] = []
        var changes = ledger[...]
        var rest = keys.prefix(Int(clamping: self.keys ?? .max))
        while true {
            while let last = rest.last, !filter.matches(last) { rest.removeLast() }
            position.keys = UInt64(rest.count)
            guard changes.first != nil || rest.last != nil else { return (found, nil) }
            if found.count == limit { return (found, position) }
            // Of one moment, an entry of the ledger comes before one about a key in the other order.
            if let change = changes.first, rest.last.map({ change.at > $0.at }) ?? true {
                found.append(change)
                changes.removeFirst()
                position.ledger = change.sequence
            } else if let key = rest.popLast() {
                found.append(key)
            }
        }
    }
}

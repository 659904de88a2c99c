internal import BoxOffice

// What the recount knows of sale windows, and of holds that went past checks of the sale (R43 Override).

extension AuditFact {
    /// A check by its number in the ledger.
    enum Check: Int64 {
        case window = 1
        case pause = 2
        case limits = 4
        case queue = 8
    }

    /// Whether the hold was taken past this check.
    func goesPast(_ check: Check) -> Bool {
        override & check.rawValue != 0
    }
}

extension AuditAccount {
    /// Checks that the event and each type were on sale when the hold was made, or that it goes past that.
    func checkWindows(
        _ lines: AuditLines, _ fact: AuditFact, _ definition: EventDefinition, _ name: String, opensEarly: Bool
    ) throws {
        guard !fact.goesPast(.window) else { return }
        // An access code may open the sale before its time (R46 Access codes).
        func opening(_ opensAt: WallTime?) -> WallTime? { opensEarly ? nil : opensAt }
        let wasShut = "R3 One decision per hold: \(name) was made outside the sale window of"
        if definition.opensAt != nil || definition.closesAt != nil {
            try expect(
                timeOfDay.couldBeWithin(opening(definition.opensAt), definition.closesAt, at: fact.at),
                "\(wasShut) its event")
        }
        for type in definition.types where type.opensAt != nil || type.closesAt != nil {
            guard ([lines.first] + lines.more).contains(where: { isLine($0, of: type.code, in: fact.event) }) else {
                continue
            }
            try expect(
                timeOfDay.couldBeWithin(opening(type.opensAt), type.closesAt, at: fact.at),
                "\(wasShut) type \(type.code)")
        }
    }

    private func isLine(_ line: AuditLine, of type: Code, in event: Int64) -> Bool {
        guard let codes = typeCodes[event], codes.indices.contains(Int(line.type)) else { return false }
        return codes[Int(line.type)] == type.text
    }
}

/// The time of day at moments of the store's clock, as far as the ledger says it.
struct AuditTimeOfDay {
    /// The ledger notes the time of day when it has moved; until then it may differ by this many milliseconds.
    private static let slack: Int64 = 10_000

    /// The time of day less the store's clock, from a moment on.
    private var ahead: [(at: Int64, ahead: Int64)] = []

    mutating func read(_ rows: Cursor) throws {
        ahead = []
        while try rows.next() { ahead.append((rows.int(0), rows.int(1))) }
    }

    /// Whether the time of day could be within a sale window at a moment of the store's clock. Where it moved about
    /// that moment, both times count.
    func couldBeWithin(_ opensAt: WallTime?, _ closesAt: WallTime?, at moment: Int64) -> Bool {
        // Binary search: a ledger of years has many.
        var (low, high) = (0, ahead.count)
        while low < high {
            let middle = (low + high) / 2
            if ahead[middle].at <= moment - Self.slack { low = middle + 1 } else { high = middle }
        }
        var position = max(0, low - 1)
        guard position < ahead.count else { return true }
        repeat {
            let wall = moment + ahead[position].ahead
            let isOpen = opensAt.map { wall + Self.slack >= $0.milliseconds } ?? true
            let isClosed = closesAt.map { wall - Self.slack >= $0.milliseconds } ?? false
            if isOpen, !isClosed { return true }
            position += 1
        } while position < ahead.count && ahead[position].at <= moment + Self.slack
        return false
    }
}

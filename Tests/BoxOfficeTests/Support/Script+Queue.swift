import BoxOffice

// How a transcript writes what a queue is asked and what it answers.

extension Script {
    /// `queue main open`; `join`, `join by ann key k`; `look 3 at 7`; `leave 3`; `beacon NAME VALUE`;
    /// `attend 1,0,2`: so many looked at each position from 0 on, and `attend` alone: nobody knows who is there;
    /// `set pause`, `set go`, `set rate 5`, `set let 3`.
    static func queue(_ words: [String]) -> QueueCommand? {
        func value(after word: String) -> String? {
            words.firstIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        }
        func number(after word: String) -> UInt32? { value(after: word).flatMap { UInt32($0) } }
        guard words.count > 2 else { return nil }
        switch words[2] {
        case "open": return .open(secret: [UInt8](repeating: 7, count: QueueDraw.secretBytes))
        case "join":
            return .join(
                buyer: value(after: "by").flatMap { Buyer($0) },
                key: value(after: "key").map { IdempotencyKey(named: $0) })
        case "look":
            return number(after: "look").map { .look(EntryNumber($0), position: number(after: "at")) }
        case "leave": return number(after: "leave").map { .leave(EntryNumber($0)) }
        case "beacon":
            guard words.count > 4, let name = BeaconText(words[3]), let value = BeaconText(words[4]) else { return nil }
            return .beacon(name: name, value: value)
        case "attend":
            guard words.count > 3 else { return .attend() }
            let counts = words[3].split(separator: ",").compactMap { UInt32($0) }
            return .attend(PresenceReport(counts: counts, present: counts.reduce(0, +), isComplete: true))
        case "set":
            return .adjust(
                QueueAdjustment(
                    isPaused: words.contains("pause") ? true : words.contains("go") ? false : nil,
                    mostPerSecond: value(after: "rate").flatMap { Int($0) },
                    lettingIn: value(after: "let").flatMap { Int($0) }))
        default: return nil
        }
    }

    /// `3@7`
    static func pass(_ text: String) -> QueuePass? {
        let parts = text.split(separator: "@").compactMap { UInt32($0) }
        guard parts.count == 2 else { return nil }
        return QueuePass(number: EntryNumber(parts[0]), position: parts[1], joinedAt: WallTime(milliseconds: 0))
    }

    static func text(_ outcome: QueueOutcome) -> String {
        switch outcome {
        case .joined(let entry, let repeated, _): "joined " + text(entry) + (repeated ? " before" : "")
        case .looked(let entry): text(entry)
        case .attended(let view, let isMoreDue): text(view) + (isMoreDue ? ", more" : "")
        case .changed(let view, let repeated): text(view) + (repeated ? " before" : "")
        }
    }

    private static func text(_ entry: QueueEntry) -> String {
        "#\(entry.number)" + (entry.position.map { " at \($0)" } ?? "") + " \(entry.state.rawValue)"
            + (entry.state == .waiting ? entry.ahead.map { ", \($0) ahead" } ?? "" : "")
            + (entry.state == .called || entry.state == .inside
                ? entry.turnEndsAt.map { " until \(time($0.milliseconds))" } ?? "" : "")
    }

    private static func text(_ view: QueueView) -> String {
        "\(view.phase.rawValue) head \(view.head) of \(view.joined)"
    }

    static func text(_ refusal: QueueRefusal) -> String {
        switch refusal {
        case .none: "no queue"
        case .notOpen(let moment): moment.map { "queue opens at \(time($0.milliseconds))" } ?? "queue opens now"
        case .unknownEntry: "unknown entry"
        case .full: "queue is full"
        case .passRequired: "pass required"
        case .notYourTurn(let position, let ahead): "not the turn of \(position), \(ahead) ahead"
        case .turnOver: "turn is over"
        case .passUsed: "pass is used"
        case .otherBuyer: "another buyer"
        case .noBeacon: "no beacon"
        case .otherBeacon: "another beacon"
        case .beaconEarly: "beacon is early"
        case .beaconLate: "beacon is late"
        }
    }
}

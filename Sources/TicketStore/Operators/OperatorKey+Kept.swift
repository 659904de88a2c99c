internal import BoxOffice
internal import StrictJSON

// What stores keep of a key beside what earlier releases kept, as a JSON text.
extension OperatorKey {
    /// The events, the end, and who made and revoked the key; `nil` if an earlier release would have kept all there is.
    package var moreText: String? {
        if events.isEmpty, expiresAt == nil, madeBy == .command, revokedBy == nil || revokedBy == .command {
            return nil
        }
        var writer = JSONWriter(reserving: 256)
        writer.object { object in
            object.member("events") { value in
                value.array { array in
                    for event in events { array.value(event.text) }
                }
            }
            object.member("expires_at", expiresAt?.milliseconds)
            object.member("made_by") { Self.write(madeBy, to: &$0) }
            object.member("revoked_by") { value in
                if let revokedBy { Self.write(revokedBy, to: &value) } else { value.value(String?.none) }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func write(_ author: Author, to writer: inout JSONWriter) {
        writer.object { object in
            object.member("key", author.key)
            object.member("name", author.name)
            object.member("reason", author.reason)
        }
    }

    /// Takes what a store kept. A text that cannot be read makes a key that has expired: a bound key must not work for
    /// all events.
    package mutating func take(more text: String?) {
        if revokedAt != nil { revokedBy = .command }
        guard let text else { return }
        guard let more = try? Self.more.read(text.utf8) else {
            expiresAt = WallTime(milliseconds: 0)
            return
        }
        events = more.events
        expiresAt = more.expiresAt.map { WallTime(milliseconds: $0) }
        madeBy = more.madeBy
        revokedBy = revokedAt == nil ? nil : more.revokedBy ?? .command
    }

    private struct More: Sendable {
        var events: [Code]
        var expiresAt: Int64?
        var madeBy: Author
        var revokedBy: Author?
    }

    private static let more = JSONShape<More>.object { object in
        let events = object.required("events", as: .list(of: JSONShape<Code>.code, count: 0...mostEvents))
        let expiresAt = object.nullable("expires_at", as: JSONShape<Int64>.integer)
        let madeBy = object.required("made_by", as: author)
        let revokedBy = object.nullable("revoked_by", as: author)
        guard let events, let madeBy else { return nil }
        return More(events: events, expiresAt: expiresAt, madeBy: madeBy, revokedBy: revokedBy)
    }

    private static let author = JSONShape<Author>.object { object in
        let key = object.required("key", as: JSONShape<String>.string)
        let name = object.required("name", as: JSONShape<String>.string)
        let reason = object.nullable("reason", as: JSONShape<String>.string)
        guard let key, let name else { return nil }
        return Author(key: key, name: name, reason: reason)
    }
}

extension [OperatorKey] {
    /// What was done to these keys, in the order of the moments: made, and revoked. Who looks later may find an entry
    /// of a node whose clock is behind before one that was already read.
    public var audit: [AuditRecord] {
        flatMap { key in
            var found = [Self.record("key.make", key, at: key.madeAt, by: key.madeBy, key.differences)]
            if let revokedAt = key.revokedAt, let author = key.revokedBy {
                let difference = AuditDifference("/revoked_at", from: .null, to: .string(revokedAt.rfc3339))
                found.append(Self.record("key.revoke", key, at: revokedAt, by: author, [difference]))
            }
            return found
        }.sorted { ($0.at, $0.note.subject, $0.note.action) < ($1.at, $1.note.subject, $1.note.action) }
    }

    private static func record(
        _ action: String, _ key: OperatorKey, at moment: WallTime, by author: OperatorKey.Author,
        _ differences: [AuditDifference]
    ) -> AuditRecord {
        AuditRecord(
            sequence: 0, at: moment, event: nil,
            note: AuditNote(
                key: author.key, name: author.name, action: action, subject: key.id, reason: author.reason,
                differences: differences))
    }
}

extension OperatorKey {
    /// What the audit says of a new key: all that it may.
    fileprivate var differences: [AuditDifference] {
        var found = [
            AuditDifference("/name", from: .null, to: .string(name)),
            AuditDifference("/role", from: .null, to: .string(role.rawValue)),
        ]
        if isBound {
            found.append(AuditDifference("/events", from: .null, to: .array(events.map { .string($0.text) })))
        }
        if let expiresAt {
            found.append(AuditDifference("/expires_at", from: .null, to: .string(expiresAt.rfc3339)))
        }
        return found
    }
}

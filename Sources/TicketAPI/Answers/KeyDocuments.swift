internal import BoxOffice
internal import StrictJSON
internal import TicketStore

extension JSONWriter {
    /// A key.
    ///
    /// - Parameter credential: shown once, when the key is made.
    mutating func key(_ key: OperatorKey, at now: WallTime, credential: String? = nil) {
        object { writer in
            writer.member("id", key.id)
            writer.member("name", key.name)
            writer.member("role", key.role.rawValue)
            writer.member("events") { value in
                guard key.isBound else { return value.value(String?.none) }
                value.array { events in
                    for event in key.events { events.value(event.text) }
                }
            }
            writer.member("state", key.state(at: now).rawValue)
            writer.member("made_at", key.madeAt)
            writer.member("made_by") { $0.author(key.madeBy) }
            writer.member("expires_at", key.expiresAt)
            writer.member("revoked_at", key.revokedAt)
            writer.member("revoked_by") { value in
                if let author = key.revokedBy { value.author(author) } else { value.value(String?.none) }
            }
            if let credential { writer.member("credential", credential) }
        }
    }

    private mutating func author(_ author: OperatorKey.Author) {
        object { writer in
            writer.member("key", author.key)
            writer.member("name", author.name)
        }
    }
}

extension OperatorKey {
    /// What has become of a key.
    enum State: String, CaseIterable {
        case valid, revoked, expired
    }

    func state(at now: WallTime) -> State {
        if revokedAt != nil { return .revoked }
        return isValid(at: now) ? .valid : .expired
    }
}

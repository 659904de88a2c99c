package import BoxOffice
internal import TicketStore

// What can be wrong with a request besides its JSON. Sentences of shapes are where the shapes are.

extension Mistake {
    // MARK: Queries and headers

    /// A query is not a document, so the pointer is empty and the sentence names the member.
    package static func query(_ member: String, _ demand: String) -> Mistake {
        Mistake("", "the query's \(member) \(demand)")
    }

    package static let queryReason = query("reason", "must have \(AuditNote.reasonForm)")
    package static let queryBatchUnknown = query("batch", "must be one of the event's codes")
    package static let queryTypeAlone = query("type", "needs an event: each event has its own types")
    package static let queryNumbersDiffer = query("hold and purchase", "must have the same number")
    package static let queryEndsBeforeItBegins = query("from", "must be earlier than its to")

    package static func idempotencyKey(isAnonymous: Bool) -> Mistake {
        Mistake("", "the header Idempotency-Key \(KeyText.demand(isAnonymous: isAnonymous))")
    }

    // MARK: Events

    static let noObject = Mistake("", "must be an object")
    static let paused = Mistake("/paused", "must be true or false")
    static let pathIsNoCode = Mistake("/id", "must be \(Code.form), as the path has it")

    package static func otherID(than path: String) -> Mistake {
        Mistake("/id", "must be \(path), as the path has it, or be left out")
    }

    // MARK: Keys

    package static let keyEnded = Mistake("/expires_at", "must be later than now")

    package static func keys(most: Int) -> Mistake {
        Mistake("", "would be more than \(most) keys, revoked ones included")
    }
}

/// What an order to erase a person must say (R41 Erasure). No schema says which members go together.
package enum ErasureDemand: String, CaseIterable {
    case something = "must have a buyer, or an event and before"
    case noBefore = "must be left out, since buyer says what to erase"
    case before = "must be given with event, or a buyer instead"
    case event = "must be given with before"
    case cursor = "is not a cursor of an answer"
}

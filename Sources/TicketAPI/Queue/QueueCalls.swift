internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// What people in queues ask: joining, looking, leaving (Q2 Numbers, Q5 Turn). The fast path and the router share it, so that
/// their answers are the same.
struct QueueCalls: Sendable {
    let reader: RequestReader
    let queues: QueueDirectory
    private var store: any TicketStore { reader.store }

    // MARK: Joining

    private struct Join: Sendable {
        var buyer: Buyer?
    }

    private static let join = JSONShape<Join>.object { body in
        Join(buyer: body.optional("buyer", as: JSONShape<Buyer>.reference(BuyerKind.self)))
    }

    /// - Parameter hasKey: whether a key that may sell came with the request.
    func join(_ event: Code, _ fields: BuyerFields, _ body: ByteBuffer, hasKey: Bool) throws(Refused) -> Command {
        guard let definition = store.event(event)?.definition else { throw Refused(.unknownEvent) }
        let asked = try reader.read(body, as: Self.join, fields.contentType, whenEmpty: Join())
        if !hasKey, definition.queue?.identity == .buyer {
            throw Refused.unauthenticated("A shop joins this queue for its buyers, with its key.")
        }
        var key: IdempotencyKey?
        if let header = fields.idempotencyKey {
            let text = try RequestReader.key(header, isAnonymous: !fields.isOperators)
            key = reader.keys.digest(text, in: .joining(event), of: fields.keyOwner)
        }
        return .queue(event, .join(buyer: asked.buyer, key: key))
    }

    /// The answer to a join.
    func joined(_ reply: StoreReply, in event: Code) throws(Refused) -> EntryAnswer {
        let (outcome, moment) = try outcome(reply)
        guard case .joined(let entry, let isRepeat, _) = outcome, let copy = queues.copy(of: event) else {
            throw Refused.queueNotOpen(at: store.event(event)?.definition.queueOpensAt, moment)
        }
        if isRepeat {
            copy.note(entry)
        } else {
            copy.noteJoin(entry, at: moment)
        }
        let signed = SignedEntry(
            number: entry.number.value, joinedAt: copy.joinedAt(entry.number) ?? moment.wall)
        var document = document(entry, OwnEntry(copy: copy, signed: signed), moment)
        document.isNew = true
        return EntryAnswer(document: document, isReplay: isRepeat)
    }

    // MARK: Looking

    /// The command that looks at an entry; `nil` if the entry waits, because then the store is not asked.
    func look(_ look: EntryLook, _ fields: BuyerFields) throws(Refused) -> Command? {
        let own = try entry(look.name, fields)
        look.own = own
        if let waiting = own.copy.waiting(own.number) {
            look.waiting = document(waiting, own, store.now)
            return nil
        }
        return .queue(own.copy.name.event, .look(own.number, position: own.copy.position(of: own.number)))
    }

    /// The answer about an entry that was looked at, or that left.
    func looked(_ reply: StoreReply, at own: OwnEntry) throws(Refused) -> EntryAnswer {
        // Turn and moment are on the same clock. On Redis each event has a clock of its own, so ours would be wrong.
        let (outcome, moment) = try outcome(reply)
        guard case .looked(let entry) = outcome else { throw Refused.unknownEntry }
        own.copy.note(entry)
        return EntryAnswer(document: document(entry, own, moment))
    }

    /// The entry that a path names, if its token came. A wrong token and an unknown entry get the same answer.
    func entry(_ name: String, _ fields: BuyerFields) throws(Refused) -> OwnEntry {
        guard var header = fields.authorization else { throw Refused.unauthenticated() }
        let named = SignedEntry.read(name)
        let copy = named.flatMap { queues.copy(of: $0.event) }
        let (isBearer, signed) = header.withUTF8 { header -> (Bool, SignedEntry?) in
            guard let credential = BearerCredential(header) else { return (false, nil) }
            return (true, copy.flatMap { queues.mint.entry(of: credential.bytes, in: $0.name) })
        }
        guard isBearer else { throw Refused.unauthenticated() }
        guard let copy, let signed, signed.number == named?.number, !copy.hasLost(signed) else {
            throw Refused.unknownEntry
        }
        return OwnEntry(copy: copy, signed: signed)
    }

    private func document(_ entry: QueueEntry, _ own: OwnEntry, _ now: Moment) -> EntryDocument {
        let pollAfter = EntryDocument.pollAfter(
            entry, waiting: own.copy.waitingCount, chance: EntryDocument.chance(entry.number, at: now.office))
        return EntryDocument(
            entry, in: own.copy.name, joinedAt: own.signed.joinedAt, at: now, pollAfter: pollAfter)
    }

    /// What the queue decided, and when by the clock of its event.
    func outcome(_ reply: StoreReply) throws(Refused) -> (QueueOutcome, Moment) {
        switch reply {
        case .decided(.queue(let outcome), let moment): return (outcome, moment)
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(let outcome, _): throw reader.unexpected(outcome)
        case .failed(let failure): throw Refused(failure)
        }
    }
}

/// An entry whose token came, with this node's copy of its queue.
struct OwnEntry: Sendable {
    let copy: EventQueueCopy
    let signed: SignedEntry

    var number: EntryNumber { EntryNumber(signed.number) }
}

/// A look at an entry on the fast path, until it is answered.
final class EntryLook {
    /// As the path has it: `E17.main`.
    let name: String
    /// Once its token was checked.
    fileprivate(set) var own: OwnEntry?
    /// The answer, if the entry waits.
    fileprivate(set) var waiting: EntryDocument?

    init(_ name: String) {
        self.name = name
    }
}

/// A positive answer about an entry.
struct EntryAnswer {
    var document: EntryDocument
    /// The same join was answered before.
    var isReplay = false

    /// It answers a join: only then it has the token, the receipt and `Location`.
    var isNew: Bool { document.isNew }
    var status: Int { isNew ? 201 : 200 }
    var location: String { "/v1/queue-entries/\(EntryDocument.name(document.entry.number, in: document.queue.event))" }
}

internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// Who waits on this node, and for what: commands in batches for each event, and those whose event must be looked for
/// first. One lock is around it; it does not ask anybody.
///
/// An event has one call under way. What comes meanwhile gathers for the next, so that the more is asked, the more
/// share a call.
struct PendingCommands: Sendable {
    /// Commands of one call. A server does nothing else while it decides them: some 2 ms for so many.
    static let batchSize = 512

    /// A command and whom it is answered to.
    struct Waiting: Sendable {
        var command: Command
        var note: AuditNote?
        var ticket: UInt64
        var box: any ReplySink
        /// How often it was sent on to another event, or its claim was lost.
        var moves: UInt8 = 0
        /// Under which number its payment or key is claimed for its event; only in a cluster.
        var claim: UInt64?
        /// The event whose claim counts this command, until it used that or took itself off.
        var countedAt: UInt64?
        /// What its payment was used for in another event.
        var elsewhere = UseElsewhere.none
        /// The event that owes its payment back, if that is another one.
        var owedAt: UInt64?
        /// An operator's change: the event that the list does not tell of and that was looked at.
        var lookedFor: UInt64?
        /// It may purchase or return something, or its answer tells that somebody did.
        var isSale: Bool

        init(command: Command, note: AuditNote?, ticket: UInt64, box: any ReplySink) {
            self.command = command
            self.note = note
            self.ticket = ticket
            self.box = box
            isSale =
                switch command {
                case .purchase, .returnPurchase, .payBack: true
                case .hold, .extend, .release, .look, .define, .pause, .resume, .remove: false
                }
        }

        /// What must be claimed for one event before anything is decided with it.
        var claimedName: String? {
            switch command {
            case .purchase(_, let payment, _): payment.map { "p" + $0.text }
            case .payBack(_, let payment): "p" + payment.text
            case .hold, .extend, .release, .returnPurchase, .look, .define, .pause, .resume, .remove: nil
            }
        }
    }

    struct Batch: Sendable {
        var bytes = ByteBuffer()
        var waiting: [Waiting] = []
        /// Somebody wants something else than to hold.
        var hasOthers = false
        /// Nobody waits for it: it tries what decisions need.
        var isTrial = false
    }

    /// What is to be done now, outside the lock.
    enum Step: Sendable {
        case nothing
        case reply(StoreReply)
        case call(event: UInt64, Batch)
        case claim(part: UInt64, [Claimant])
        /// The next call for an event is due at that moment, and not before.
        case rest(event: UInt64, until: NIODeadline)
        case readEvents
    }

    /// A command whose payment or key is to be claimed for an event.
    struct Claimant: Sendable {
        var waiting: Waiting
        var name: String
        var event: UInt64
    }

    /// Those who wait for claims in one part of them, of which one call is under way, too.
    private struct ClaimLine: Sendable {
        var gathering: [Claimant] = []
        var isAsking = false
    }

    fileprivate struct Line: Sendable {
        var gathering: [Batch] = []
        var isAsking = false
        /// The last call refused everybody who wanted to hold: those who come now wait until then for company.
        var restsUntil: NIODeadline?
        /// Somebody looks again when the rest is over.
        var isRestWatched = false
    }

    var directory = EventDirectory()
    /// How far the store has come: it opens, is open (whatever its servers do, see `health`), closes.
    var condition = StoreCondition.suspended(.recovering)
    var health: StoreHealth
    /// Why the list of events could not be read; the only sign there is while there are no events.
    var listFailure: SuspensionReason?
    var toldHealth = ToldHealth()
    /// How full the room for idempotency keys of each event is.
    var keyRooms: [UInt64: KeyRoom] = [:]
    /// When the numbers of an event were counted anew last, because something was wrong there.
    var mendedAt: [UInt64: NIODeadline] = [:]
    /// Events with too many holds to be counted in one call: they are to be counted in pages.
    var tooLargeToMend: Set<UInt64> = []
    /// When an event was counted in pages last.
    var recountedAt: [UInt64: NIODeadline] = [:]
    /// Events whose numbers are not as their holds say, and were left so, with their codes.
    var unbalanced: [UInt64: Code] = [:]
    private let queueLimit: Int
    private let keyspace: Keyspace
    private var claimLines: [UInt64: ClaimLine] = [:]
    private var lines: [UInt64: Line] = [:]
    /// Commands in `lines` and `strangers` that are not on their way.
    var waitingCount = 0
    /// Whose event is not known here. They wait for a look at the list of events that began after they came.
    private var strangers: [Waiting] = []
    private var isReading = false
    private var listReadAt = NIODeadline.uptimeNanoseconds(0)
    private var askedAt: [UInt64: NIODeadline] = [:]
    /// When an event was looked at last, with or without success.
    private var lookedAt: [UInt64: NIODeadline] = [:]

    init(queueLimit: Int, keyspace: Keyspace, health: StoreHealth = StoreHealth()) {
        self.health = health
        self.queueLimit = queueLimit
        self.keyspace = keyspace
    }

    // MARK: Coming in

    mutating func take(_ waiting: Waiting) -> Step {
        if condition == .closing { return .reply(.failed(.closing)) }
        guard waitingCount < limit(for: waiting.command) else { return .reply(.failed(.overloaded)) }
        return place(waiting)
    }

    /// Completing is refused last, then extending and releasing, before them holding, and looking first (rule 21).
    func limit(for command: Command) -> Int {
        switch command {
        case .purchase, .returnPurchase, .payBack, .define, .pause, .resume, .remove: queueLimit
        case .extend, .release: queueLimit / 4 * 3
        case .hold: queueLimit / 2
        case .look: queueLimit / 4
        }
    }

    /// Lets a command wait for its event's next call.
    mutating func place(_ waiting: Waiting) -> Step {
        guard let event = event(of: waiting.command) else {
            addStranger(waiting)
            return beginReading()
        }
        return place(waiting, at: event)
    }

    mutating func place(_ waiting: Waiting, at event: UInt64) -> Step {
        if keyspace.isCluster, waiting.claim == nil, waiting.elsewhere != .bought, let name = waiting.claimedName {
            return claim(Claimant(waiting: waiting, name: name, event: event))
        }
        lines[event, default: Line()].add(waiting)
        waitingCount += 1
        return nextCall(for: event)
    }

    private mutating func claim(_ claimant: Claimant) -> Step {
        let part = keyspace.part(of: claimant.name)
        claimLines[part, default: ClaimLine()].gathering.append(claimant)
        waitingCount += 1
        return nextClaim(in: part)
    }

    private mutating func nextClaim(in part: UInt64) -> Step {
        guard let line = claimLines[part], !line.isAsking, !line.gathering.isEmpty else { return .nothing }
        let claimants = Array(line.gathering.prefix(Self.batchSize))
        claimLines[part]?.gathering.removeFirst(claimants.count)
        claimLines[part]?.isAsking = true
        waitingCount -= claimants.count
        return .claim(part: part, claimants)
    }

    /// The call for claims in `part` has ended.
    mutating func endClaim(in part: UInt64) -> Step {
        claimLines[part]?.isAsking = false
        return nextClaim(in: part)
    }

    private func event(of command: Command) -> UInt64? {
        switch command {
        case .hold(let request): directory.number(of: request.event)
        case .define(let definition, _, _): directory.number(of: definition.id)
        case .pause(let code), .resume(let code), .remove(let code, _): directory.number(of: code)
        case .extend(let id, _), .release(let id), .purchase(let id, _, _), .returnPurchase(let id),
            .payBack(let id, _),
            .look(let id):
            known(HoldNumber.split(id).event)
        }
    }

    /// The event of a command's hold, if it is not known here.
    func unknownEvent(of command: Command) -> UInt64? {
        switch command {
        case .extend(let id, _), .release(let id), .purchase(let id, _, _), .returnPurchase(let id),
            .payBack(let id, _),
            .look(let id):
            let event = HoldNumber.split(id).event
            return known(event) == nil ? event : nil
        case .hold, .define, .pause, .resume, .remove: return nil
        }
    }

    private func known(_ event: UInt64) -> UInt64? {
        directory.entries[event] == nil ? nil : event
    }

    // MARK: Going out

    /// The next call for `event`, if one is to be made now.
    private mutating func nextCall(for event: UInt64) -> Step {
        if let until = lines[event]?.beginRest() { return .rest(event: event, until: until) }
        guard lines[event]?.rests != true, let batch = lines[event]?.begin() else { return .nothing }
        waitingCount -= batch.waiting.count
        return .call(event: event, batch)
    }

    /// An empty call, which only counts and reads the clock, or tries what decisions need; nothing if one is under way.
    mutating func beginLooking(at event: UInt64, isTrial: Bool = false) -> Step {
        guard lines[event, default: Line()].beginEmpty() else { return .nothing }
        return .call(event: event, Batch(isTrial: isTrial))
    }

    /// The call for `event` has ended.
    ///
    /// - Parameter foundNothing: it held no places for anybody, and refused somebody for want of them.
    mutating func endCall(for event: UInt64, foundNothing: Bool = false) -> Step {
        lines[event]?.isAsking = false
        lines[event]?.restsUntil = foundNothing ? .now() + LookTimes.crowd : nil
        return nextCall(for: event)
    }

    /// The time for a crowd to gather is over.
    mutating func endRest(of event: UInt64) -> Step {
        lines[event]?.isRestWatched = false
        lines[event]?.restsUntil = nil
        return nextCall(for: event)
    }

    mutating func addStranger(_ waiting: Waiting) {
        strangers.append(waiting)
        waitingCount += 1
    }

    /// Whether the list of events is to be read without anybody waiting for it.
    mutating func isListDue(at now: NIODeadline) -> Bool {
        guard listReadAt + LookTimes.events <= now else { return false }
        listReadAt = now
        return true
    }

    mutating func beginReading() -> Step {
        guard !isReading else { return .nothing }
        isReading = true
        return .readEvents
    }

    /// Those who wait for the look at the list of events that begins now; who comes later waits for the next.
    mutating func takeStrangers() -> [Waiting] {
        defer { strangers = [] }
        waitingCount -= strangers.count
        return strangers
    }

    mutating func endReading() -> Step {
        isReading = false
        return strangers.isEmpty ? .nothing : beginReading()
    }

    /// A command that waited for a look at the list: to its event, or `nil` if there is none.
    mutating func placeKnown(_ waiting: Waiting) -> Step? {
        event(of: waiting.command) == nil ? nil : place(waiting)
    }

    // MARK: Looking

    mutating func noteAsked(_ event: UInt64, at now: NIODeadline) {
        askedAt[event] = now
    }

    /// Events whose numbers are to be read anew: somebody asks for them, or holds are live and their clock must not
    /// stand (rule 5), or places came free by themselves.
    mutating func eventsToLookAt(at now: NIODeadline) -> [UInt64] {
        askedAt = askedAt.filter { $0.value + LookTimes.askedFor > now }
        var found: [UInt64] = []
        for event in directory.order {
            guard let numbers = directory.entries[event]?.numbers else { continue }
            let isAsked = askedAt[event] != nil
            // While a server is away looks go on no faster than they do otherwise.
            let last = max(numbers.at, lookedAt[event] ?? numbers.at)
            if last + LookTimes.whileAsked <= now && isAsked
                || last + LookTimes.whileHeld <= now && numbers.hasHeld
                || last == numbers.at && isAsked && numbers.changedByThemselves(at: now)
            {
                found.append(event)
                lookedAt[event] = now
            }
        }
        return found
    }

    /// Everybody who waits, to be told that the store closes.
    mutating func close() -> [Waiting] {
        condition = .closing
        var all = takeStrangers()
        for event in lines.keys {
            for batch in lines[event]?.gathering ?? [] { all += batch.waiting }
            lines[event]?.gathering = []
        }
        for part in claimLines.keys {
            all += claimLines[part]?.gathering.map(\.waiting) ?? []
            claimLines[part]?.gathering = []
        }
        waitingCount = 0
        return all
    }
}

/// How often numbers are read by themselves.
enum LookTimes {
    /// While somebody asks for an event's availability: so old may an answer be.
    static let whileAsked = TimeAmount.milliseconds(100)
    /// While an event has live holds: its clock takes no more than a second from a time without calls.
    static let whileHeld = TimeAmount.milliseconds(400)
    /// Somebody who asked so long ago asks no more.
    static let askedFor = TimeAmount.seconds(2)
    /// The list of events: so long may a change on another node stay unseen in lists.
    static let events = TimeAmount.milliseconds(250)
    /// So long a crowd gathers at an event that has just refused everybody. A call costs its server some 30 µs and a
    /// refusal in it 2: with the calls back to back, 512 callers of one node made calls of three.
    static let crowd = TimeAmount.milliseconds(2)
    /// Between two looks at what is due.
    static let round = TimeAmount.milliseconds(50)
}

extension PendingCommands.Line {
    fileprivate mutating func add(_ waiting: PendingCommands.Waiting) {
        if gathering.last.map({ $0.waiting.count >= PendingCommands.batchSize }) ?? true {
            gathering.append(PendingCommands.Batch())
        }
        gathering[gathering.count - 1].add(waiting)
    }

    /// Whether those who wait do so for company: only holds do, and fewer than fill a call.
    var rests: Bool {
        restsUntil != nil && gathering.count == 1 && gathering[0].waiting.count < PendingCommands.batchSize
            && !gathering[0].hasOthers
    }

    /// When to look again at those who rest, if nobody does yet.
    fileprivate mutating func beginRest() -> NIODeadline? {
        guard !isAsking, !isRestWatched, rests, let restsUntil else { return nil }
        isRestWatched = true
        return restsUntil
    }

    fileprivate mutating func begin() -> PendingCommands.Batch? {
        guard !isAsking, !gathering.isEmpty else { return nil }
        isAsking = true
        return gathering.removeFirst()
    }

    fileprivate mutating func beginEmpty() -> Bool {
        guard !isAsking else { return false }
        isAsking = true
        return true
    }
}

extension PendingCommands.Batch {
    mutating func add(_ waiting: PendingCommands.Waiting) {
        let start = bytes.writerIndex
        switch waiting.command {
        case .hold(let request):
            CommandWriter.write(request, to: &bytes)
        case .extend(let id, let key):
            CommandWriter.writeExtend(id, key: key, to: &bytes)
        case .release(let id): CommandWriter.writeRelease(id, to: &bytes)
        case .purchase(let id, let payment, let completer):
            CommandWriter.writePurchase(
                id, payment, by: completer, elsewhere: waiting.elsewhere, claim: waiting.claim, to: &bytes)
        case .payBack(let id, let payment):
            CommandWriter.writePayBack(id, payment, elsewhere: waiting.elsewhere, claim: waiting.claim, to: &bytes)
        case .returnPurchase(let id): CommandWriter.writeReturn(id, to: &bytes)
        case .look(let id): CommandWriter.writeLook(id, to: &bytes)
        case .define, .pause, .resume, .remove: preconditionFailure("operators' changes are calls of their own")
        }
        if case .hold = waiting.command {} else { hasOthers = true }
        if let note = waiting.note { CommandWriter.add(note, at: start, to: &bytes) }
        self.waiting.append(waiting)
    }
}

internal import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import TicketStore

/// Reads events and their list from Redis into the node's directory, and enters in the list what became of events.
///
/// The list only leads to events; the definition is stored with the event. So a node that finds the list out of date
/// corrects it.
struct EventReader: Sendable {
    let caller: FunctionCaller
    let keyspace: Keyspace
    let limits: Limits
    let state: SharedState
    let logger: Logger

    // MARK: The list

    /// Reads the list, then every event that is new in it.
    ///
    /// - Returns: the time when the list was read.
    func readList() async throws(StoreFailure) -> Moment {
        let known = state.withLock { $0.directory.version }
        var command = caller.command(.listEvents, keys: [keyspace.events])
        command.append(known)
        let reply: RedisReply
        switch await caller.call(command, to: keyspace.eventsRoute).outcome {
        case .success(let success): reply = success
        case .failure(let failure):
            state.withLock { $0.listFailure = SuspensionReason(failure) }
            caller.note(failure)
            throw StoreFailure(repeatable: failure)
        }
        let list = try caller.read(reply, orThrow: .suspended(.unreachable)) { try EventList($0, known: known) }
        state.withLock { $0.listFailure = nil }
        guard let events = list.events else { return list.moment }
        let (news, unlisted) = state.withLock { state in
            let news = events.filter { state.directory.isNews($0) }
            return (news.map(\.number), state.directory.unlisted(besides: Set(events.map(\.number))))
        }
        for event in news { try await readDetails(of: event) }
        for event in unlisted { try await find(event) }
        state.withLock { $0.directory.version = list.version }
        return list.moment
    }

    /// Reads an event that the list does not have. If it exists, it is entered in the list, which lost it or never had
    /// it, because the node that made it failed before. If it does not exist, Redis was emptied, and the event is
    /// forgotten.
    func find(_ event: EventNumber) async throws(StoreFailure) {
        try await readDetails(of: event)
        guard let entry = state.withLock({ $0.directory.entries[event] }) else { return }
        switch await enter(event, entry.catalogue.code.text, entry.reading.revision, isRemoved: entry.isRemoved) {
        case .done: break
        case .unknown: throw .suspended(.unreachable)
        case .otherLeads: state.withLock { $0.directory.hide(event) }
        }
    }

    /// Reads an event that a call found removed, and enters the removal in the list: the node that removed the event
    /// may have failed before it did so.
    func confirmRemoval(of event: EventNumber) async {
        try? await readDetails(of: event)
        let entry = state.withLock { $0.directory.entries[event] }
        guard let entry, entry.isRemoved else { return }
        _ = await enter(event, entry.catalogue.code.text, entry.reading.revision, isRemoved: true)
    }

    /// What became of an entry in the list.
    enum Entered: Sendable {
        case done
        /// The event is new, and its code belongs to another event: a node that made that one at the same time was
        /// faster.
        case otherLeads
        case unknown
    }

    /// Enters in the list what became of an event. May be repeated, late, and in any order.
    func enter(_ event: EventNumber, _ code: String, _ revision: UInt64, isRemoved: Bool) async -> Entered {
        // An event that was never made has no entry.
        guard revision > 0 else { return .done }
        var command = caller.command(.enter, keys: [keyspace.events])
        command.append(Int(event.value))
        command.append(code)
        command.append(Int(revision))
        command.append(isRemoved ? 1 : 0)
        let answer = await caller.call(command, to: keyspace.eventsRoute, acknowledgedWithin: caller.patience)
        guard case .success(let reply) = answer.outcome, let result = try? reply.integer(),
            answer.acknowledgement.allowsAnswer
        else { return .unknown }
        return result == Int64(EnterReply.otherLeads.rawValue) ? .otherLeads : .done
    }

    // MARK: An event

    /// Reads an event. Forgets it if Redis does not have it any more.
    func readDetails(of event: EventNumber) async throws(StoreFailure) {
        let keys = keyspace.keys(of: event)
        let answer = await caller.call(caller.command(.details, keys: keys.all), to: keys.route)
        do {
            try take(answer.outcome.get().bytes(), of: event, keys)
        } catch let failure as RedisFailure {
            throw .suspended(StoreFailure(failure) == .closing ? .recovering : .unreachable)
        } catch {
            logger.error("An event could not be read", metadata: ["event": "\(event)", "error": "\(error)"])
            throw .suspended(.unreachable)
        }
    }

    private func take(_ bytes: ByteBuffer, of event: EventNumber, _ keys: Keyspace.EventKeys) throws {
        switch try CallReply(bytes).status {
        case .noEvent:
            // A lost event must not hold the other events up.
            state.withLock { $0.directory.forget(event) }
        case .inParts:
            logger.error("An event in parts is not sold by this version", metadata: ["event": "\(event)"])
            state.withLock { $0.directory.forget(event) }
        case .decided, .again, .busy, .interrupted, .tooMany:
            let entry = try EventDirectory.Entry(bytes, of: event, keys: keys, limits: limits, received: .now())
            state.withLock { $0.directory.take(entry, at: event) }
        }
    }

    /// Reads an event's numbers, counted up to now.
    func count(_ event: EventNumber) async throws(StoreFailure) {
        while true {
            let (keys, version) = state.withLock { state in
                let entry = state.directory.entries[event]
                return (entry?.keys ?? keyspace.keys(of: event), entry?.numbers.version)
            }
            let command = caller.decision(on: event, keys, known: version, limits: limits)
            let reply = try await caller.ask(command, to: keys.route)
            let read = try caller.read(reply, orThrow: .outcomeUnknown) { try CallReply($0) }
            if read.status == .again { continue }
            let isNews = state.withLock { state in
                if state.directory.isNews(read, at: event) { return true }
                state.directory.take(read, at: event, received: .now())
                return false
            }
            if isNews { try await readDetails(of: event) }
            return
        }
    }

    // MARK: At the start

    /// Reads every event. Refuses to start beside an event in parts, which this version does not sell: its buyers would
    /// be answered that the event is unknown.
    func readAll() async throws(RedisStoreError) {
        var command = caller.command(.listEvents, keys: [keyspace.events])
        command.append(-1)
        let list: EventList
        do {
            list = try EventList(
                await caller.call(command, to: keyspace.eventsRoute).outcome.get().bytes(), known: -1)
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("the list of events in Redis could not be read: \(error)")
        }
        for event in list.events ?? [] {
            do {
                try await readDetails(of: event.number)
            } catch {
                throw .unfit("an event in Redis could not be read; see the log")
            }
            if !event.isRemoved { try await refuseIfInParts(event) }
        }
        state.withLock { $0.directory.version = list.version }
    }

    private func refuseIfInParts(_ event: EventList.Item) async throws(RedisStoreError) {
        guard state.withLock({ $0.directory.entries[event.number] }) == nil else { return }
        let keys = keyspace.keys(of: event.number)
        let status: CallReply.Status
        do {
            let answer = await caller.call(caller.command(.details, keys: keys.all), to: keys.route)
            status = try CallReply(answer.outcome.get().bytes()).status
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("an event in Redis could not be read: \(error)")
        }
        guard status == .inParts else { return }
        throw .unfit(
            "event \(event.code) under \(keyspace.prefix): in Redis is in parts, which this version does not sell; "
                + "end its sale and export it with the version that made it, and start this one with another "
                + "redis.prefix, or remove the event with that version if nothing of it was sold")
    }
}

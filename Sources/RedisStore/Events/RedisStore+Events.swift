public import BoxOffice
internal import Logging
internal import NIOCore
internal import RedisWire
internal import Synchronization
internal import TicketStore

// The list of events, and what each of them is, read into this node's copy.

extension RedisStore {
    /// An event as the list has it.
    struct Listed: Sendable {
        var number: UInt64
        var revision: UInt64
        var isRemoved: Bool
        var code: String
    }

    /// The list of events, and when it was read.
    struct EventList: Sendable {
        var moment: Moment
        var version: Int
        /// `nil` if the version is the one that was known.
        var events: [Listed]?

        init(_ bytes: ByteBuffer, known: Int) throws(PackedMistake) {
            var reader = PackedReader(bytes)
            let ticks = try reader.number()
            let wall = try reader.number()
            moment = Moment(
                office: Timestamp(milliseconds: Int64(ticks)), wall: WallTime(milliseconds: Int64(wall)))
            version = try reader.number()
            guard version != known else { return }
            var events: [Listed] = []
            while !reader.isAtEnd {
                let number = try reader.count()
                let revision = try reader.count()
                let isRemoved = try reader.byte() == 1
                events.append(
                    Listed(number: number, revision: revision, isRemoved: isRemoved, code: try reader.text()))
            }
            self.events = events
        }
    }

    /// Reads the list, then every event of it that is news, then places those who waited for it.
    func readEvents(attempt: Int = 0) {
        let (known, strangers) = pending.withLock { ($0.directory.version, $0.takeStrangers()) }
        var command = library.call(.listEvents, calling, keys: [keyspace.events])
        command.append(known)
        client.call(command, for: RedisKey("events")) { outcome in
            switch outcome {
            case .success(let reply):
                do {
                    self.take(try EventList(reply.bytes(), known: known), strangers)
                } catch {
                    self.logger.error("The list of events could not be read", metadata: ["error": "\(error)"])
                    self.endReading(failing: strangers, .suspended(.unreachable))
                }
            case .failure(.refused(let error)) where error.isUnknownFunction && attempt < Self.reloads:
                self.reload { isLoaded in
                    guard isLoaded else { return self.endReading(failing: strangers, .suspended(.unreachable)) }
                    self.pending.withLock { pending in for one in strangers { pending.addStranger(one) } }
                    self.readEvents(attempt: attempt + 1)
                }
            case .failure(let failure):
                // Only a look was lost: nothing was decided.
                let told = StoreFailure(failure)
                self.pending.withLock { $0.listFailure = SuspensionReason(failure) }
                self.noteFailure(failure)
                self.endReading(failing: strangers, told == .outcomeUnknown ? .suspended(.unreachable) : told)
            }
        }
    }

    private func take(_ list: EventList, _ strangers: [PendingCommands.Waiting]) {
        pending.withLock { $0.listFailure = nil }
        guard let events = list.events else { return settle(strangers, at: list.moment) }
        let (news, unlisted) = pending.withLock { pending in
            let news = events.filter { event in
                guard let known = pending.directory.entries[event.number] else { return true }
                return known.reading.revision != event.revision || known.isRemoved != event.isRemoved
                    || known.catalogue.code.text != event.code
            }
            return (news, pending.directory.unlisted(besides: Set(events.map(\.number))))
        }
        readDetails(news.map(\.number)) { failure in
            if let failure { return self.endReading(failing: strangers, failure) }
            self.find(unlisted) { failure in
                if let failure { return self.endReading(failing: strangers, failure) }
                self.pending.withLock { $0.directory.version = list.version }
                self.settle(strangers, at: list.moment)
            }
        }
    }

    /// Looks at events that the list does not tell of. It hears of those that are there: it may have lost them, or whoever
    /// made them came no further. What is nowhere is forgotten: somebody emptied Redis.
    func find(_ numbers: [UInt64], _ done: @escaping @Sendable (StoreFailure?) -> Void) {
        guard let number = numbers.first else { return done(nil) }
        let others = Array(numbers.dropFirst())
        readDetails([number]) { failure in
            if let failure { return done(failure) }
            guard let entry = self.pending.withLock({ $0.directory.entries[number] }) else {
                return self.find(others, done)
            }
            self.enter(
                number, entry.catalogue.code.text, entry.reading.revision, isRemoved: entry.isRemoved
            ) { entered in
                if entered == .unknown { return done(.suspended(.unreachable)) }
                // Its code is another event's by now.
                if entered == .otherLeads { self.pending.withLock { $0.directory.hide(number) } }
                self.find(others, done)
            }
        }
    }

    /// Places those whose event is known by now. A hold of an event that the list does not tell of leads to it by itself.
    private func settle(_ strangers: [PendingCommands.Waiting], at moment: Moment) {
        let unknown = pending.withLock { pending in
            Set(strangers.compactMap { pending.unknownEvent(of: $0.command) }).sorted()
        }
        find(unknown) { failure in
            if let failure { return self.endReading(failing: strangers, failure) }
            self.place(strangers, at: moment)
        }
    }

    /// Places those whose event is known by now, and tells the others that there is none.
    private func place(_ strangers: [PendingCommands.Waiting], at moment: Moment) {
        var replies = WaitingReplies()
        var steps: [PendingCommands.Step] = []
        pending.withLock { pending in
            for waiting in strangers {
                if let step = pending.placeKnown(waiting) {
                    steps.append(step)
                } else {
                    let refusal: Refusal = if case .hold = waiting.command { .unknownEvent } else { .unknownHold }
                    replies.add(
                        TicketedReply(ticket: waiting.ticket, reply: .decided(.refused(refusal), at: moment)),
                        for: waiting.box)
                }
            }
            steps.append(pending.endReading())
        }
        for step in steps { take(step) }
        replies.deliver()
    }

    private func endReading(failing strangers: [PendingCommands.Waiting], _ failure: StoreFailure) {
        let step = pending.withLock { $0.endReading() }
        fail(strangers, failure)
        take(step)
    }

    /// Reads what events are, a few at a time, and calls back with what went wrong, if something did.
    func readDetails(_ numbers: [UInt64], _ done: @escaping @Sendable (StoreFailure?) -> Void) {
        readDetails(numbers[...], done)
    }

    private func readDetails(
        _ numbers: ArraySlice<UInt64>, attempt: Int = 0, _ done: @escaping @Sendable (StoreFailure?) -> Void
    ) {
        guard let number = numbers.first else { return done(nil) }
        let command = library.call(.details, calling, keys: keyspace.keys(of: number))
        client.call(command, for: key(of: number)) { outcome in
            switch outcome {
            case .success(let reply):
                do {
                    try self.take(reply.bytes(), of: number)
                    self.readDetails(numbers.dropFirst(), done)
                } catch {
                    self.logger.error(
                        "An event could not be read", metadata: ["event": "\(number)", "error": "\(error)"])
                    done(.suspended(.unreachable))
                }
            case .failure(.refused(let error)) where error.isUnknownFunction && attempt < Self.reloads:
                self.reload { isLoaded in
                    guard isLoaded else { return done(.suspended(.unreachable)) }
                    self.readDetails(numbers, attempt: attempt + 1, done)
                }
            case .failure(let failure): done(.suspended(StoreFailure(failure) == .closing ? .recovering : .unreachable))
            }
        }
    }

    /// Takes what was read of an event.
    private func take(_ bytes: ByteBuffer, of number: UInt64) throws {
        switch try CallReply(bytes).status {
        case .noEvent:
            // It was lost, and holds none of the other events up.
            pending.withLock { $0.directory.forget(number) }
        case .inParts:
            logger.error("An event in parts is not sold by this version", metadata: ["event": "\(number)"])
            pending.withLock { $0.directory.forget(number) }
        case .decided, .again, .busy, .interrupted, .tooMany:
            let entry = try EventDirectory.Entry(
                bytes, number: number, limits: configuration.limits, received: .now())
            pending.withLock { $0.directory.take(entry, at: number) }
        }
    }

    func readAllEvents() async throws(RedisStoreError) {
        var command = library.call(.listEvents, calling, keys: [keyspace.events])
        command.append(-1)
        do {
            let list = try EventList(try await repeatingLoads(command).bytes(), known: -1)
            let events = list.events ?? []
            let failure = await withCheckedContinuation { continuation in
                readDetails(events.map(\.number)) { continuation.resume(returning: $0) }
            }
            if failure != nil { throw RedisStoreError.unfit("an event in Redis could not be read; see the log") }
            for event in events where !event.isRemoved { try await refuseIfInParts(event) }
            pending.withLock { $0.directory.version = list.version }
        } catch let error as RedisStoreError {
            throw error
        } catch let failure as RedisFailure {
            throw .unreachable(failure)
        } catch {
            throw .unfit("the list of events in Redis could not be read: \(error)")
        }
    }

    /// Refuses to start beside an event that would not be sold: its buyers would be answered that it is unknown.
    private func refuseIfInParts(_ event: Listed) async throws {
        guard pending.withLock({ $0.directory.entries[event.number] }) == nil else { return }
        let command = library.call(.details, calling, keys: keyspace.keys(of: event.number))
        guard try await CallReply(client.call(command, for: key(of: event.number)).bytes()).status == .inParts else {
            return
        }
        throw RedisStoreError.unfit(
            "event \(event.code) under \(keyspace.prefix): in Redis is in parts, which this version does not sell; "
                + "end its sale and export it with the version that made it, and start this one with another "
                + "redis.prefix, or remove the event with that version if nothing of it was sold")
    }

    /// Asks the list of events while nobody else has begun to ask; a server that lost the functions since they were
    /// loaded, by a restart or a failover, gets them again.
    private func repeatingLoads(_ command: RedisCommand) async throws -> RedisReply {
        var outcome = await client.pipeline([command], for: RedisKey("events")).first
        for _ in 0..<Self.reloads {
            guard case .failure(.refused(let error)) = outcome, error.isUnknownFunction else { break }
            _ = try await Self.load(library, to: client)
            outcome = await client.pipeline([command], for: RedisKey("events")).first
        }
        return try (outcome ?? .failure(.notSent(.stopping))).get()
    }

    // MARK: Looking around

    /// Called some times a second: reads numbers that somebody wants or that must not stand, and now and then the list.
    func lookAround() {
        let now = NIODeadline.now()
        let steps = pending.withLock { pending -> [PendingCommands.Step] in
            guard pending.condition != .closing else { return [] }
            var steps = pending.health.eventsToTry(of: pending.directory.order, at: now).map {
                pending.beginLooking(at: $0, isTrial: true)
            }
            steps += pending.eventsToLookAt(at: now).map { pending.beginLooking(at: $0) }
            if pending.isListDue(at: now) { steps.append(pending.beginReading()) }
            return steps
        }
        tellHealth(at: now)
        for step in steps { take(step) }
    }

    /// Finds the event that a command is about, after the one it seemed to be about was found removed.
    func findAgain(_ waiting: PendingCommands.Waiting, insteadOf event: UInt64) {
        readDetails([event]) { _ in
            let entry = self.pending.withLock { $0.directory.entries[event] }
            guard let entry, entry.isRemoved else { return self.askList(waiting) }
            // Whoever removed it may not have come to tell the list.
            self.enter(event, entry.catalogue.code.text, entry.reading.revision, isRemoved: true) { _ in
                self.askList(waiting)
            }
        }
    }

    private func askList(_ waiting: PendingCommands.Waiting) {
        take(
            pending.withLock { pending in
                pending.addStranger(waiting)
                return pending.beginReading()
            })
    }

    /// Every pool of every event, counted now.
    public func counts() async throws -> [PoolCount] {
        var counts: [PoolCount] = []
        for number in pending.withLock({ $0.directory.order }) {
            try await count(number)
            counts += pending.withLock { $0.directory.entries[number]?.counts ?? [] }
        }
        return counts
    }

    /// Reads an event's numbers, counted up to now.
    private func count(_ number: UInt64) async throws(StoreFailure) {
        var command = library.call(.decide, calling, keys: keyspace.keys(of: number))
        command.append(header(for: number))
        command.append("")
        while true {
            let bytes = try await ask(command, at: number)
            guard let reply = try? CallReply(bytes.bytes()) else {
                logger.error("A reply of the functions could not be read", metadata: ["event": "\(number)"])
                throw .outcomeUnknown
            }
            if reply.status == .again { continue }
            let isNews = pending.withLock { pending in
                if pending.directory.isNews(reply, at: number) { return true }
                pending.directory.take(reply, at: number, received: .now())
                return false
            }
            if isNews { try await details(number) }
            return
        }
    }

    /// Reads what an event is.
    private func details(_ number: UInt64) async throws(StoreFailure) {
        let failure = await withCheckedContinuation { continuation in
            readDetails([number]) { continuation.resume(returning: $0) }
        }
        if let failure { throw failure }
    }
}

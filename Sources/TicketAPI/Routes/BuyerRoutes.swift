internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import TicketStore

/// v1's calls for buyers that are not hot, and for operators also the hot ones about a hold.
struct BuyerRoutes: Sendable {
    let calls: BuyerCalls
    let authorizer: OperatorAuthorizer
    private var reader: RequestReader { calls.reader }
    private var store: any TicketStore { reader.store }

    @Sendable func events(_ call: RouteRequest) -> Response {
        json(.ok, BuyerDocuments.events(store.events, at: store.now))
    }

    @Sendable func event(_ call: RouteRequest) async throws -> Response {
        let event = try reader.event(call.segment)
        let mayKnow = try await mayKnowPlaces(of: event, call.fields)
        let showsAllocations = await mayKnowAllocations(of: event, call.fields)
        var response = json(
            .ok,
            BuyerDocuments.event(
                event, at: store.now, showsCapacities: mayKnow, showsAllocations: showsAllocations))
        response.headers[.eTag] = event.tag
        return response
    }

    /// What is left, for operators, who see the numbers of an event that does not disclose them.
    @Sendable func availability(_ call: RouteRequest) async throws -> Response {
        let event = try reader.event(call.segment)
        let mayKnow = try await mayKnowPlaces(of: event, call.fields)
        guard case .current(let left, let now) = store.availability(of: event.definition.id, unless: nil) else {
            throw Refused(.unknownEvent)
        }
        let sale = SaleStates(event, at: now)
        let showsAllocations = await mayKnowAllocations(of: event, call.fields)
        let body = BuyerDocuments.availability(
            left, of: event, sale, counts: mayKnow, showsAllocations: showsAllocations)
        // A version would say how much is held and sold (R27 Disclosure). With allocations it is another document than the
        // public one of that version.
        let tag =
            mayKnow && left.allocations.isEmpty
            ? "\"\(left.version)-\(sale.tag)\"" : "\"\(AvailabilityDocument.digest(body))\""
        if EntityTags(call.fields.ifNoneMatch).contain(tag) {
            return Response(status: .notModified, headers: [.eTag: tag, .cacheControl: "no-store"])
        }
        var response = json(.ok, body)
        response.headers[.eTag] = tag
        return response
    }

    /// Whether the caller may know how many places an event has.
    private func mayKnowPlaces(of event: EventReading, _ fields: BuyerFields) async throws -> Bool {
        if event.definition.disclosure == .counts { return true }
        guard fields.isOperators else { return false }
        // A key of other events sees what anybody sees.
        let key = try await authorizer.admit(fields, toHold: .lookAtHolds, .narrowed)
        return key.may(.readLists) && key.works(for: event.definition.id)
    }

    /// Whether the caller may know what is kept back and for which codes: any key may (R45 Allocations, R46 Access codes). It is
    /// looked up only if there is something.
    private func mayKnowAllocations(of event: EventReading, _ fields: BuyerFields) async -> Bool {
        let hasSome = !event.definition.codes.isEmpty || event.definition.pools.contains { !$0.allocations.isEmpty }
        guard fields.isOperators, hasSome else { return false }
        return (try? await authorizer.admit(fields, toHold: .lookAtHolds, .event(event.definition.id.text))) != nil
    }

    /// A hold for a caller with a key. The fast path answers callers without one, and shops whose key it knows.
    @Sendable func hold(_ call: RouteRequest) async throws -> Response {
        let event = try reader.event(call.segment)
        let body = try await reader.collect(call.request)
        var key: OperatorKey?
        var refusal: Refused?
        do {
            key = try await authorizer.admit(call.fields, toHold: .sell, .event(call.segment))
        } catch let refused as Refused {
            // Whatever the key is worth: a hold without an allocation and an override needs none.
            refusal = refused
        }
        let command: Command
        let note: AuditNote?
        do throws(Refused) {
            command = try calls.hold(in: event.definition.id, call.fields, body, refusingPrivileges: refusal)
            note = try key?.noteOnOverride(command)
        } catch {
            reader.figures.count(.hold, DecisionResult(error.problem), of: .code(event.definition.id))
            throw error
        }
        do {
            return try await answer(command, note)
        } catch var refused as Refused {
            if event.definition.disclosure != .counts { refused.hidePlaces() }
            throw refused.naming(calls.queues.mistake(in: call.fields.queuePass, for: event.definition.id))
        }
    }

    /// Says why there is no stream: a stream begins on the fast path.
    @Sendable func refuseStream(_ call: RouteRequest) throws -> Response {
        _ = try reader.event(call.segment)
        if call.request.method == .head {
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"])
        }
        var refused = Refused(.reducedCapacity, "As many listen, in all or from your network, as there is room for.")
        // There is room when a listener leaves: not soon, and all waiting clients would ask at once.
        refused.retryAfter = .milliseconds(Int.random(in: 2_000...10_000))
        throw refused
    }

    @Sendable func look(_ call: RouteRequest) async throws -> Response {
        let (id, key) = try await holder(call, .lookAtHolds)
        let reply = await reader.ask(.look(id), note: nil)
        // What another shop sold is kept from a shop, as if it were not there.
        if let key, key.role == .shop, reply.isOfASale, try await !authorizer.sells(key, id) {
            throw Refused(.unknownHold)
        }
        return try answer(reply)
    }

    @Sendable func extend(_ call: RouteRequest) async throws -> Response {
        let (id, key) = try await holder(call, .sell)
        let body = try await reader.collect(call.request)
        return try await answer(try calls.extend(id, call.fields, body), key?.noteOnHold("hold.extend", id))
    }

    @Sendable func release(_ call: RouteRequest) async throws -> Response {
        let (id, key) = try await holder(call, .sell)
        return try await answer(.release(id), key?.noteOnHold("hold.release", id))
    }

    @Sendable func purchase(_ call: RouteRequest) async throws -> Response {
        let (id, key) = try await holder(call, .sell)
        let body = try await reader.collect(call.request)
        return try await answer(
            try calls.purchase(id, call.fields, body, by: key?.completer ?? .token),
            key?.noteOnHold("hold.purchase", id))
    }

    /// The hold that the path names, if the token belongs to it or the key has the right.
    ///
    /// - Returns: the hold, and the key if the caller has one.
    private func holder(_ call: RouteRequest, _ right: OperatorKey.Right) async throws -> (HoldID, OperatorKey?) {
        let named = HoldID(public: call.segment)
        guard call.fields.isOperators else { return (try calls.hold(named: named, call.fields), nil) }
        let key = try await authorizer.admit(call.fields, toHold: right, .hold(named))
        guard let named else { throw Refused(.unknownHold) }
        return (named, key)
    }

    private func answer(_ command: Command, _ note: AuditNote?) async throws -> Response {
        try answer(await reader.ask(command, note: note))
    }

    private func answer(_ reply: StoreReply) throws -> Response {
        let answer = try HoldAnswer(reply)
        var body = ByteBuffer()
        var texts = MomentTexts()
        answer.writeBody(store.catalogue(at: answer.event), calls.mint, &texts, to: &body)
        var response = json(.init(code: answer.status), Array(body.readableBytesView))
        response.headers[.eTag] = answer.tag
        if answer.isNew { response.headers[.location] = answer.location }
        if answer.isReplay { response.headers[.idempotencyReplayed] = "true" }
        return response
    }
}

extension StoreReply {
    /// Whether it shows a hold that was purchased, returned or not.
    fileprivate var isOfASale: Bool {
        guard case .decided(.looked(let hold, _), _) = self else { return false }
        return hold.state == .purchased || hold.state == .returned
    }
}

internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// The calls of queues (Q1 Phases to Q10 One decision): joining, looking, leaving, and what operators change.
struct QueueRoutes: Sendable {
    let reader: RequestReader
    let queues: QueueDirectory
    let authorizer: OperatorAuthorizer
    private var store: any TicketStore { reader.store }
    private var calls: QueueCalls { QueueCalls(reader: reader, queues: queues) }

    var routes: [Route] {
        [
            Route(
                "/v1/events/:event/queue", takesReason: true, (.get, .anyone(show)), (.post, .anyone(join)),
                (.patch, .operators(.changeEvents, adjust))),
            Route(
                "/v1/events/:event/queue/beacon", takesReason: true, (.put, .operators(.changeEvents, beacon))),
            Route("/v1/queue-entries/:entry", (.get, .fastPath), (.delete, .anyone(leave))),
            Route("/v1/queue-entries/:entry/receipt", (.get, .anyone(receipt))),
        ]
    }

    // MARK: Reading

    /// The public document; for operators with what admission decides by.
    @Sendable private func show(_ call: RouteRequest) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        guard let document = queues.document(of: event) else { throw Refused.noQueue }
        if call.fields.isOperators {
            let key = try await authorizer.admit(call.fields, toHold: .lookAtHolds, .event(call.segment))
            if key.may(.readLists), let view = queues.copy(of: event)?.view {
                return operators(document, view)
            }
        }
        let headers: HTTPFields = [.eTag: document.tag, .cacheControl: QueueDocument.caching]
        if EntityTags(call.fields.ifNoneMatch).contain(document.strongTag) {
            return Response(status: .notModified, headers: headers)
        }
        var response = json(.ok, document.body)
        for field in headers { response.headers[field.name] = field.value }
        return response
    }

    private func operators(_ document: QueueDocument, _ view: QueueView) -> Response {
        var writer = JSONWriter(reserving: 1_536)
        writer.object { writer in
            QueueDocument.write(document.facts, at: store.now, to: &writer)
            writer.member("paused", view.isPaused)
            writer.member("most_per_second", view.mostPerSecond)
            writer.member("admission") { $0.admission(view.admission) }
        }
        return json(.ok, writer.bytes)
    }

    // MARK: Entries

    /// A join with a key: the fast path answers the others.
    @Sendable private func join(_ call: RouteRequest) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        let body = try await reader.collect(call.request)
        if call.fields.isOperators { _ = try await authorizer.admit(call.fields, toHold: .sell, .event(call.segment)) }
        let command = try calls.join(event, call.fields, body, hasKey: call.fields.isOperators)
        let answer = try calls.joined(await store.perform(command), in: event)
        var response = json(.created, answer.document.bytes(queues.mint))
        response.headers[.location] = answer.location
        if answer.isReplay { response.headers[.idempotencyReplayed] = "true" }
        return response
    }

    @Sendable private func leave(_ call: RouteRequest) async throws -> Response {
        let own = try calls.entry(call.segment, call.fields)
        let command = Command.queue(own.copy.name.event, .leave(own.number))
        let answer = try calls.looked(await store.perform(command), at: own)
        return json(.ok, answer.document.bytes(queues.mint))
    }

    /// The receipt of an entry, once more: a signature that anybody can check takes longer than a look may.
    @Sendable private func receipt(_ call: RouteRequest) throws -> Response {
        let own = try calls.entry(call.segment, call.fields)
        var writer = JSONWriter(reserving: 512)
        writer.object { $0.member("receipt", queues.mint.receipt(of: own.signed, in: own.copy.name)) }
        return json(.ok, writer.bytes)
    }

    // MARK: Operators

    private static let adjustment = JSONShape<QueueAdjustment>.object { body in
        let isPaused = body.optional("paused", as: JSONShape<Bool>.boolean)
        let resets = body.has("most_per_second")
        let rate = body.nullable("most_per_second", as: JSONShape<Int>.integer(in: Limits.queueRates))
        let people = body.optional("let_in", as: JSONShape<Int>.integer(in: Limits.queueLetIn))
        // `null` goes back to what the definition says.
        return QueueAdjustment(isPaused: isPaused, mostPerSecond: rate ?? (resets ? 0 : nil), lettingIn: people)
    }

    @Sendable private func adjust(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        let types: Set<String> = ["application/merge-patch+json", "application/json"]
        let patch = try await reader.json(call.request, types: types)
        let change = try RequestReader.reading { () throws(DocumentError) in try Self.adjustment.read(patch) }
        let note = key.note(
            "queue.adjust", on: event.text, reason: call.reason,
            differences: change.differences(from: queues.copy(of: event)?.view))
        return try changed(await store.perform(.queue(event, .adjust(change)), note: note), event)
    }

    private struct Beacon: Sendable {
        var name: BeaconText
        var value: BeaconText
    }

    private static let spelled = JSONShape<String>.string.converted(otherwise: BeaconText.valueForm) {
        BeaconText(value: $0)
    }

    private static let beacon = JSONShape<Beacon>.object { body in
        let name = body.required("name", as: JSONShape<BeaconText>.reference(BeaconKind.self))
        let value = body.required("value", as: spelled)
        guard let name, let value else { return nil }
        return Beacon(name: name, value: value)
    }

    @Sendable private func beacon(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let event = try reader.event(call.segment).definition.id
        let told = try await reader.body(call.request, Self.beacon, whenEmpty: nil)
        let note = key.note(
            "queue.beacon", on: event.text, reason: call.reason,
            differences: [AuditDifference("/beacon", from: .null, to: .string(told.value.text))])
        let command = QueueCommand.beacon(name: told.name, value: told.value)
        return try changed(await store.perform(.queue(event, command), note: note), event)
    }

    private func changed(_ reply: StoreReply, _ event: Code) throws -> Response {
        let (outcome, moment) = try calls.outcome(reply)
        guard case .changed(let view, let isRepeat) = outcome, let copy = queues.copy(of: event) else {
            throw Refused.queueNotOpen(at: nil, moment)
        }
        copy.take(view, at: moment)
        var response = operators(copy.document, view)
        if isRepeat { response.headers[.idempotencyReplayed] = "true" }
        return response
    }
}

extension QueueAdjustment {
    /// What the audit says of it (R49 Audit differences).
    ///
    /// - Parameter view: the queue before it, as this node knows it.
    fileprivate func differences(from view: QueueView?) -> [AuditDifference] {
        var found: [AuditDifference] = []
        if let isPaused {
            found.append(
                AuditDifference("/paused", from: view.map { .boolean($0.isPaused) } ?? .null, to: .boolean(isPaused)))
        }
        if let mostPerSecond {
            found.append(
                AuditDifference(
                    "/most_per_second", from: view.map { .integer(Int64($0.mostPerSecond)) } ?? .null,
                    to: mostPerSecond == 0 ? .null : .integer(Int64(mostPerSecond))))
        }
        if let lettingIn { found.append(AuditDifference("/let_in", from: .null, to: .integer(Int64(lettingIn)))) }
        return found
    }
}

extension JSONWriter {
    /// What admission decides by, for operators.
    fileprivate mutating func admission(_ admission: Admission) {
        object { writer in
            writer.member("free", admission.free)
            writer.member("held", admission.held)
            writer.member("inside", Int(admission.inside.rounded()))
            writer.member("next", admission.people)
            writer.member("asking_percent", Int((admission.learned.asking * 100).rounded()))
            writer.member("bought_percent", Int((admission.learned.bought * 100).rounded()))
            writer.member("places_per_person_hundredths", Int((admission.learned.places * 100).rounded()))
        }
    }
}

internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// What operators do with events: define, change, remove.
struct EventRoutes: Sendable {
    let reader: RequestReader
    let configuration: ServiceConfiguration
    private var store: any TicketStore { reader.store }

    /// How often a change of any revision (`If-Match: *`) is tried when other changes come in between.
    private static let tries = 32

    @Sendable func put(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let path = call.segment
        guard let code = Code(path) else {
            throw Refused.invalid([.pathIsNoCode])
        }
        var document = try await reader.json(call.request, types: ["application/json"])
        if case .object(let members) = document {
            if let id = members.first(where: { $0.name == "id" }) {
                guard id.value == .string(path) else { throw Self.otherID(path) }
            } else {
                document = .object([JSONValue.Member("id", .string(path))] + members)
            }
        }
        let definition = try definition(in: document, given: document)
        let isNew = store.event(code) == nil
        return try await change(code, call.request, mayBeNew: true, status: isNew ? .created : .ok) { current in
            let note = key.note(
                current == nil ? "event.define" : "event.change", on: path, reason: call.reason,
                differences: AuditDifference.define(definition, isPaused: nil, before: current))
            return (.define(definition, expecting: nil), note)
        }
    }

    @Sendable func patch(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let code = try reader.event(call.segment).definition.id
        let types: Set<String> = ["application/merge-patch+json", "application/json"]
        guard case .object(let members) = try await reader.json(call.request, types: types) else {
            throw Refused.invalid([.noObject])
        }
        var paused: Bool?
        if let member = members.first(where: { $0.name == "paused" }) {
            guard case .boolean(let wanted) = member.value else {
                throw Refused.invalid([.paused])
            }
            paused = wanted
        }
        let rest = members.filter { $0.name != "paused" }
        // A pause comes with what buyers should know of it.
        let isPause = paused != nil && rest.allSatisfy { $0.name == EventDefinition.noticeMember }
        let action = isPause ? (paused == true ? "event.pause" : "event.resume") : "event.change"
        return try await change(code, call.request, mayBeNew: false, status: .ok) { [paused] current in
            guard let current else { throw Refused(.unknownEvent) }
            let before = try RequestReader.reading { () throws(DocumentError) in
                try JSONValue.document(EventDocument.write(current.definition), limits: EventDocument.jsonLimits)
            }
            let definition = try definition(in: before.merged(with: .object(rest)), given: .object(rest))
            guard definition.id == code else { throw Self.otherID(code.text) }
            let differences = AuditDifference.define(definition, isPaused: paused, before: current)
            return (
                .define(definition, paused: paused, expecting: nil),
                key.note(action, on: code.text, reason: call.reason, differences: differences)
            )
        }
    }

    @Sendable func remove(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let code = try reader.event(call.segment).definition.id
        return try await change(code, call.request, mayBeNew: false, status: .noContent) { current in
            let differences = current.map(AuditDifference.remove) ?? []
            let note = key.note("event.delete", on: code.text, reason: call.reason, differences: differences)
            return (.remove(event: code), note)
        }
    }

    /// Ends the sale and its live holds (R42 Cancelled event). It names no revision: it is right whatever the operator has seen.
    @Sendable func cancel(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        try await set(.cancelled, call, key)
    }

    @Sendable func reinstate(_ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        try await set(.reinstated, call, key)
    }

    private enum Fate {
        case cancelled, reinstated
    }

    private func set(_ fate: Fate, _ call: RouteRequest, _ key: OperatorKey) async throws -> Response {
        let code = try reader.event(call.segment).definition.id
        _ = try await reader.body(call.request, BuyerRequests.nothing, whenEmpty: true)
        let command: Command = fate == .cancelled ? .cancel(event: code) : .reinstate(event: code)
        let action = fate == .cancelled ? "event.cancel" : "event.reinstate"
        _ = try await reader.perform(command, note: key.note(action, on: code.text, reason: call.reason))
        return answer(try reader.event(call.segment), status: .ok)
    }

    /// The definition that a document writes. The address of a checkout needs settings of this service, too (R55 Checkout); what
    /// is missing stands beside every other mistake.
    ///
    /// - Parameter given: what the request says itself. A pause must not fail for an address that the event had before.
    private func definition(in document: JSONValue, given: JSONValue) throws(Refused) -> EventDefinition {
        var lacking: [Mistake] = []
        if case .object(let members) = given,
            case .object? = members.first(where: { $0.name == EventDefinition.checkoutMember })?.value
        {
            lacking = EventDefinition.mistakesOfAddress(
                publicURL: configuration.publicURL, checkoutSecret: configuration.checkoutSecret)
        }
        let definition: EventDefinition
        do throws(DocumentError) {
            definition = try EventDocument.read(document)
        } catch {
            guard case .mistakes(let found) = error, !lacking.isEmpty else {
                return try RequestReader.reading { () throws(DocumentError) in throw error }
            }
            throw Refused.invalid(found.map { Mistake($0) } + lacking)
        }
        guard lacking.isEmpty else { throw Refused.invalid(lacking) }
        return definition
    }

    private static func otherID(_ path: String) -> Refused {
        .invalid([.otherID(than: path)])
    }

    /// Changes an event if it is as the request's `If-Match` and `If-None-Match` say.
    ///
    /// The store decides on the revision that was read here, so a change in between is not overwritten unseen, and what the
    /// audit says of the difference is right.
    private func change(
        _ code: Code, _ request: Request, mayBeNew: Bool, status: HTTPResponse.Status,
        _ command: (EventReading?) throws -> (Command, AuditNote)
    ) async throws -> Response {
        let match = EntityTags(request.headers[.ifMatch])
        let noneMatch = EntityTags(request.headers[.ifNoneMatch])
        for _ in 0..<Self.tries {
            let current = store.event(code)
            try check(current, match, noneMatch, mayBeNew: mayBeNew)
            let (wanted, note) = try command(current)
            do {
                let (outcome, _) = try await reader.perform(wanted.expecting(current?.revision ?? 0), note: note)
                if case .eventRemoved = outcome { return Response(status: .noContent) }
                guard let event = store.event(code) else { throw Refused(.unknownEvent) }
                return answer(event, status: status)
            } catch let refused as Refused where refused.problem == .preconditionFailed {
                // Another change was faster: the new revision has to match, too.
                continue
            }
        }
        throw Refused(.preconditionFailed)
    }

    private func check(
        _ current: EventReading?, _ match: EntityTags, _ noneMatch: EntityTags, mayBeNew: Bool
    ) throws {
        guard let current else {
            if !mayBeNew { throw Refused(.unknownEvent) }
            if match.areGiven { throw Refused(.preconditionFailed, "There is no such event yet.") }
            return
        }
        if noneMatch.areGiven, noneMatch.contain(current.tag) {
            throw Refused(.preconditionFailed, "The event is there already.")
        }
        guard match.areGiven else {
            throw Refused(
                .preconditionRequired, "The event is there; say with If-Match which state of it you have seen.")
        }
        guard match.contain(current.tag) else {
            throw Refused(
                .preconditionFailed, "If-Match names another state of the event than \(current.tag), as it is now.")
        }
    }

    private func answer(_ event: EventReading, status: HTTPResponse.Status) -> Response {
        let warnings = event.definition.warnings
        var response = json(status, BuyerDocuments.event(event, at: store.now, warnings: warnings))
        response.headers[.eTag] = event.tag
        if status == .created { response.headers[.location] = "/v1/events/\(event.definition.id)" }
        return response
    }
}

extension EventReading {
    /// The event's `ETag`.
    var tag: String { "\"\(revision)\"" }
}

extension Command {
    /// The same change, of that revision only.
    fileprivate func expecting(_ revision: UInt64) -> Command {
        switch self {
        case .define(let definition, let paused, _): .define(definition, paused: paused, expecting: revision)
        case .remove(let event, _): .remove(event: event, expecting: revision)
        default: self
        }
    }
}

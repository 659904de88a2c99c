public import BoxOffice
public import StrictJSON

/// An event's definition as operators write it: a JSON object, described in the HTTP contract under "An event's
/// definition".
public enum EventDocument {
    /// 4 MiB: room for a definition that uses up what ``Limits`` allow, with every letter of its names escaped.
    public static let jsonLimits = JSONLimits(bytes: 4 << 20)

    /// The definition that the JSON text `bytes` writes, without a mistake left in it.
    ///
    /// Throws ``DocumentError/syntax(_:)`` at the first byte that is not JSON; else ``DocumentError/mistakes(_:)``
    /// with all mistakes: unknown and missing members, members of the wrong type, and what
    /// `EventDefinition.mistakes(limits:)` finds in the rest. A mistake that only follows from another is left out.
    @inlinable
    public static func read(
        _ bytes: some Collection<UInt8>, limits: Limits = Limits()
    ) throws(DocumentError) -> EventDefinition {
        try read(JSONValue.document(bytes, limits: jsonLimits), limits: limits)
    }

    /// The definition that `document` writes, read as JSON already; throws as the reading of bytes does.
    public static func read(
        _ document: JSONValue, limits: Limits = Limits()
    ) throws(DocumentError) -> EventDefinition {
        try read(document, limits: limits, allowing: { _ in false })
    }

    private static func read(
        _ document: JSONValue, limits: Limits, allowing isAllowed: (Mistake) -> Bool
    ) throws(DocumentError) -> EventDefinition {
        var mistakes = Mistakes()
        let draft = EventDraft.shape.take(document, at: .root, noting: &mistakes)
        guard let draft, !mistakes.areCut else {
            throw mistakes.error(in: document) ?? .mistakes([.saysNothing])
        }
        let others = draft.mistakes(limits: limits, besides: mistakes.noted).filter { !isAllowed($0) }
        if let error = mistakes.error(with: others.map { JSONMistake($0) }, in: document) {
            throw error
        }
        return draft.definition
    }

    /// How many servers an event's pools were split over, in documents of a former version.
    static let formerMember = "parts"

    /// The definition in a document that a store kept. An earlier release may have written it: a member that is refused
    /// today is skipped, and names may contain characters that are refused today, because a sale under an old name must
    /// go on.
    package static func readKept(_ bytes: [UInt8]) throws(DocumentError) -> EventDefinition {
        var document = try JSONValue.document(bytes, limits: jsonLimits)
        if case .object(let members) = document {
            document = .object(members.filter { $0.name != formerMember })
        }
        return try read(document, limits: Limits(), allowing: isAboutName)
    }

    private static func isAboutName(_ mistake: Mistake) -> Bool {
        // A later release may know more time zones.
        mistake.pointer == "/name" || mistake.pointer == "/presentation/time_zone"
            || mistake.pointer.hasPrefix("/types/") && mistake.pointer.hasSuffix("/name")
    }

    /// The JSON text that writes `definition`, every member of it. Reading it gives an equal definition, if there was
    /// no mistake in that one and its lengths of time are whole seconds; fractions of a second are dropped.
    public static func write(_ definition: EventDefinition, layout: JSONWriter.Layout = .indented) -> [UInt8] {
        var writer = JSONWriter(layout: layout, reserving: 1_024)
        write(definition, to: &writer)
        return writer.bytes
    }

    /// Writes `definition` as the next value of `writer`, for answers that carry more than it.
    ///
    /// - Parameters:
    ///   - showsCapacities: whether the pools have their numbers of places; else these are `null`, and what is written
    ///     is not a definition.
    ///   - showsAllocations: whether it says what is kept back and for which codes, which is not for the public.
    public static func write(
        _ definition: EventDefinition, showsCapacities: Bool = true, showsAllocations: Bool = true,
        to writer: inout JSONWriter
    ) {
        guard case .object(var members) = JSONValue(EventDefinition.members(), of: definition) else { return }
        members.removeAll { EventDefinition.silentMembers.contains($0.name) && $0.value == .null }
        if definition.presentation == EventPresentation() {
            members.removeAll { $0.name == EventDefinition.presentationGroup }
        }
        let pools = definition.pools.map { pool in
            JSONValue.Member(pool.code.text, showsCapacities ? .integer(Int64(pool.capacity)) : .null)
        }
        members.append(JSONValue.Member("pools", .object(pools)))
        if showsAllocations, let allocations = allocations(of: definition) {
            members.append(JSONValue.Member("allocations", allocations))
        }
        let types = definition.types.map(document)
        members.append(JSONValue.Member("types", .array(types)))
        if showsAllocations, let codes = codes(of: definition) { members.append(JSONValue.Member("codes", codes)) }
        writer.value(.object(members))
    }

    /// Few types have terms of their own, so a group of members of which the type has none is left out.
    static func document(of type: EventDefinition.TicketType) -> JSONValue {
        guard case .object(let members) = JSONValue(EventDefinition.TicketType.members, of: type) else { return .null }
        return .object(
            members.filter { member in
                guard case .object(let group) = member.value else { return true }
                return group.contains { $0.value != .null }
            })
    }

    /// What the pools of `definition` keep back; `nil` if they keep nothing back, as documents of earlier releases.
    private static func allocations(of definition: EventDefinition) -> JSONValue? {
        let pools = definition.pools.filter { !$0.allocations.isEmpty }.map { pool in
            let allocations = pool.allocations.map { allocation in
                JSONValue.Member(
                    allocation.code.text,
                    .object([
                        .init("places", .integer(Int64(allocation.places))),
                        .init("released_at", allocation.releasedAt.map { .string($0.rfc3339) } ?? .null),
                    ]))
            }
            return JSONValue.Member(pool.code.text, .object(allocations))
        }
        return pools.isEmpty ? nil : .object(pools)
    }

    /// Every value of a definition but its id, with its path (`sale.opens_at`, `types.GA.price`), so that two
    /// definitions can be compared. Types stand under their codes, whatever their order.
    package static func values(of definition: EventDefinition) -> [(path: String, value: JSONValue)] {
        let members = EventDefinition.members().filter { $0.name != "id" }.map { member in
            (member.path, member.json(of: definition))
        }
        let pools = definition.pools.map { ("pools.\($0.code)", JSONValue.integer(Int64($0.capacity))) }
        let types = definition.types.flatMap { type in
            EventDefinition.TicketType.members.filter { $0.name != "code" }.map { member in
                ("types.\(type.code).\(member.path)", member.json(of: type))
            }
        }
        let allocations = definition.pools.flatMap { pool in
            pool.allocations.flatMap { allocation in
                let location = "allocations.\(pool.code).\(allocation.code)"
                return [
                    (location + ".places", JSONValue.integer(Int64(allocation.places))),
                    (location + ".released_at", allocation.releasedAt.map { .string($0.rfc3339) } ?? .null),
                ]
            }
        }
        return members + pools + allocations + types + values(ofCodes: definition)
    }
}

extension DocumentMember {
    /// The name, behind that of its group: `sale.opens_at`.
    fileprivate var path: String {
        group.map { "\($0).\(name)" } ?? name
    }
}

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
    /// with everything that is wrong: members that are not known, missing, or of the wrong kind, and what
    /// `EventDefinition.mistakes(limits:)` finds in the rest. What only follows from a mistake is not told as one.
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
        let (definition, meant) = draft.completed(limits: limits, besides: mistakes.told)
        let kept = meant.filter { !isAllowed($0) }
        if let error = mistakes.error(with: kept.map { JSONMistake($0) }, in: document) {
            throw error
        }
        return definition
    }

    /// How many servers an event's pools were split over, in documents of a former version.
    static let formerMember = "parts"

    /// The definition in a document that a store kept. An earlier release may have written it: a member that is refused today
    /// is skipped, and names may contain characters that are refused today, because a sale under an old name must go on.
    package static func readKept(_ bytes: [UInt8]) throws(DocumentError) -> EventDefinition {
        var document = try JSONValue.document(bytes, limits: jsonLimits)
        if case .object(let members) = document {
            document = .object(members.filter { $0.name != formerMember })
        }
        return try read(document, limits: Limits(), allowing: isAboutName)
    }

    private static func isAboutName(_ mistake: Mistake) -> Bool {
        mistake.pointer == "/name" || mistake.pointer.hasPrefix("/types/") && mistake.pointer.hasSuffix("/name")
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
    /// - Parameter showsCapacities: whether the pools' places are told; else they are `null`, and what is written is no
    ///   definition.
    public static func write(
        _ definition: EventDefinition, showsCapacities: Bool = true, to writer: inout JSONWriter
    ) {
        writer.object { event in
            event.member("id", definition.id.text)
            event.member("name", definition.name)
            event.member("currency", definition.currency)
            event.member("hold_seconds", definition.holdTime.components.seconds)
            event.member("grace_seconds", definition.clientGrace.components.seconds)
            event.member("max_extensions", definition.maximumExtensions)
            event.member("late_payment", definition.latePayment.rawValue)
            event.member("completion", definition.completion.rawValue)
            event.member("sale") { value in
                value.object { sale in
                    sale.member("opens_at", definition.opensAt)
                    sale.member("closes_at", definition.closesAt)
                }
            }
            event.member("limits") { value in
                value.object { limits in
                    limits.member("tickets_per_hold", definition.ticketsPerHold)
                    limits.member("tickets_per_buyer", definition.ticketsPerBuyer)
                    limits.member("holds_per_buyer", definition.holdsPerBuyer)
                }
            }
            event.member("disclose", definition.disclosure.rawValue)
            event.member("pools") { value in
                value.object { pools in
                    for pool in definition.pools {
                        pools.member(pool.code.text, showsCapacities ? pool.capacity : nil)
                    }
                }
            }
            event.member("types") { value in
                value.array { types in
                    for type in definition.types { write(type, to: &types) }
                }
            }
        }
    }

    /// A ticket type as it stands in a definition; a store that keeps definitions in a form of its own has it alike.
    package static func write(_ type: EventDefinition.TicketType, to types: inout JSONWriter) {
        types.object { writer in
            writer.member("code", type.code.text)
            writer.member("name", type.name)
            writer.member("price", type.price)
            writer.member("pools") { value in
                value.array { pools in
                    for pool in type.pools { pools.value(pool.text) }
                }
            }
        }
    }
}

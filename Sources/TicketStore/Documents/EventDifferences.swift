public import BoxOffice
internal import StrictJSON

extension AuditDifference {
    /// What a definition changes of the event as it was (R49 Audit differences).
    ///
    /// Only right if the store decides the change on exactly this state of the event: `before` has the revision that
    /// the command expects.
    ///
    /// - Parameters:
    ///   - before: `nil` if the event is new.
    ///   - isPaused: `nil` leaves a pause as it is.
    public static func define(
        _ definition: EventDefinition, isPaused: Bool?, before: EventReading?
    ) -> [AuditDifference] {
        var found = between(before?.definition, definition)
        let was = before?.isPaused ?? false
        if let isPaused, isPaused != was {
            found.append(AuditDifference("/paused", from: .boolean(was), to: .boolean(isPaused)))
        }
        return found
    }

    /// What an event that is removed said.
    public static func remove(_ before: EventReading) -> [AuditDifference] {
        between(before.definition, nil)
    }

    /// What a correction changes of a hold or a purchase (R40 Corrections).
    public static func correct(from: Correction.State, to: Correction.State) -> [AuditDifference] {
        func value(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        var found: [AuditDifference] = []
        if from.buyer != to.buyer {
            found.append(AuditDifference("/buyer", from: value(from.buyer?.text), to: value(to.buyer?.text)))
        }
        if from.note != to.note {
            found.append(AuditDifference("/note", from: value(from.note?.text), to: value(to.note?.text)))
        }
        return found
    }

    /// Every value that differs. A pool or type that only one of them has is one difference.
    private static func between(_ before: EventDefinition?, _ after: EventDefinition?) -> [AuditDifference] {
        let old = before.map(EventDocument.parts) ?? []
        let new = after.map(EventDocument.parts) ?? []
        let oldValues = Dictionary(old.map { ($0.pointer, $0.value) }, uniquingKeysWith: { first, _ in first })
        let newPointers = Set(new.map(\.pointer))
        var found: [AuditDifference] = []
        for part in new {
            let from = oldValues[part.pointer] ?? nothing(at: part.pointer)
            found += differences(at: part.pointer, from: from, to: part.value)
        }
        for part in old where !newPointers.contains(part.pointer) {
            found += differences(at: part.pointer, from: part.value, to: nothing(at: part.pointer))
        }
        return found + order(before, after)
    }

    /// What stands for a part that is not there. Each member of a presentation is a difference of its own, a pool or a
    /// type is one.
    private static func nothing(at pointer: String) -> JSONValue {
        pointer == EventDocument.presentationPointer ? .object([]) : .null
    }

    /// The members of two objects are compared one by one.
    private static func differences(at pointer: String, from: JSONValue, to: JSONValue) -> [AuditDifference] {
        if from == to { return [] }
        guard case .object(let old) = from, case .object(let new) = to else {
            return [AuditDifference(pointer, from: from, to: to)]
        }
        func value(_ name: String, of members: [JSONValue.Member]) -> JSONValue {
            members.first { $0.name == name }?.value ?? .null
        }
        let names = old.map(\.name) + new.map(\.name).filter { name in !old.contains { $0.name == name } }
        return names.flatMap { name in
            differences(at: "\(pointer)/\(name)", from: value(name, of: old), to: value(name, of: new))
        }
    }

    /// The order of the types that both have, if it differs: it is the order in which buyers see them.
    private static func order(_ before: EventDefinition?, _ after: EventDefinition?) -> [AuditDifference] {
        guard let before, let after else { return [] }
        let (old, new) = (before.types.map(\.code), after.types.map(\.code))
        let common = Set(old).intersection(new)
        if old.filter(common.contains) == new.filter(common.contains) { return [] }
        func list(_ codes: [Code]) -> JSONValue { .array(codes.map { .string($0.text) }) }
        return [AuditDifference("/types", from: list(old), to: list(new))]
    }
}

extension EventDocument {
    fileprivate static let presentationPointer = "/" + EventDefinition.presentationGroup

    /// What a definition says, part by part: each member under its pointer, each pool and each type under its code.
    /// Codes and names of members need no escapes in a pointer.
    fileprivate static func parts(of definition: EventDefinition) -> [(pointer: String, value: JSONValue)] {
        var parts: [(pointer: String, value: JSONValue)] = []
        if case .object(let members) = JSONValue(EventDefinition.members(), of: definition) {
            parts += members.filter { $0.name != "id" && $0.value != .null }.map { ("/\($0.name)", $0.value) }
            if definition.presentation == EventPresentation() {
                parts.removeAll { $0.pointer == presentationPointer }
            }
        }
        parts += definition.pools.map { ("/pools/\($0.code)", .integer(Int64($0.capacity))) }
        for type in definition.types {
            guard case .object(let members) = document(of: type) else { continue }
            parts.append(("/types/\(type.code)", .object(members.filter { $0.name != "code" })))
        }
        if case .object(let batches)? = codes(of: definition) {
            parts += batches.map { ("/codes/\($0.name)", $0.value) }
        }
        return parts
    }
}

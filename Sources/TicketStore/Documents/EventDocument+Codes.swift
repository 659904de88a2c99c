internal import BoxOffice
internal import StrictJSON

// Batches of access codes in an event's document (R46 Access codes): `{"club": {"count": 200, "tickets": 2}}`.

extension EventDocument {
    /// The batches of `definition`; `nil` if it has none, as documents of earlier releases.
    static func codes(of definition: EventDefinition) -> JSONValue? {
        guard !definition.codes.isEmpty else { return nil }
        return .object(definition.codes.map { JSONValue.Member($0.name.text, .object(members(of: $0))) })
    }

    /// Every value of the batches with its path, as `values(of:)` has the others.
    static func values(ofCodes definition: EventDefinition) -> [(path: String, value: JSONValue)] {
        definition.codes.flatMap { batch in
            members(of: batch).map { ("codes.\(batch.name).\($0.name)", $0.value) }
        }
    }

    private static func members(of batch: EventDefinition.CodeBatch) -> [JSONValue.Member] {
        [
            .init("count", .integer(Int64(batch.count))),
            .init("tickets", .integer(Int64(batch.tickets))),
            .init("types", batch.types.isEmpty ? .null : .array(batch.types.map { .string($0.text) })),
            .init("allocation", batch.allocation.map { .string($0.text) } ?? .null),
            .init("opens_at", batch.opensAt.map { .string($0.rfc3339) } ?? .null),
            .init("closes_at", batch.closesAt.map { .string($0.rfc3339) } ?? .null),
            .init("price", batch.price.map { .integer($0) } ?? .null),
            .init(
                "revoked",
                batch.isRevoked ? .boolean(true) : .array(batch.revoked.map { .integer(Int64($0)) })),
        ]
    }
}

extension EventDraft {
    static let codesShape = JSONShape<[EventDefinition.CodeBatch]> { value, pointer, mistakes in
        guard case .object(let members) = value else {
            mistakes.note(pointer, "must be an object of batches")
            return nil
        }
        return members.compactMap { member in
            let location = pointer.appending(member.name)
            let name = Code(member.name)
            if name == nil { mistakes.note(location, "must be named by \(Code.form)") }
            let batch = batchShape.take(member.value, at: location, noting: &mistakes)
            guard let name, var batch else { return nil }
            batch.name = name
            return batch
        }
    }

    /// What is missing or wrong gets a value that makes no mistake of its own. The caller sets the name.
    private static let batchShape = JSONShape<EventDefinition.CodeBatch>.object { object in
        var batch = EventDefinition.CodeBatch(
            name: .standIn(at: JSONPointer.root.appending("batch")),
            count: object.required("count", as: JSONShape<Int>.integer) ?? 1,
            tickets: object.required("tickets", as: JSONShape<Int>.integer) ?? 1)
        // The location of the batch itself contains a name that its author chose.
        let location = JSONPointer.root.appending("types")
        let types = object.nullable("types", as: .list(of: JSONShape<Code>.code.attempted)) ?? []
        batch.types = types.enumerated().map { $1 ?? .standIn(at: location.appending($0)) }
        batch.allocation = object.nullable("allocation", as: .code)
        batch.opensAt = object.nullable("opens_at", as: .moment)
        batch.closesAt = object.nullable("closes_at", as: .moment)
        batch.price = object.nullable("price", as: JSONShape<Int64>.integer)
        switch object.nullable("revoked", as: revokedShape) {
        case .all(let isRevoked)?: batch.isRevoked = isRevoked
        case .some(.these(let numbers)): batch.revoked = numbers
        case nil: break
        }
        return batch
    }

    private enum Revoked: Sendable {
        case all(Bool)
        case these([Int])
    }

    private static let revokedShape = JSONShape<Revoked> { value, pointer, mistakes in
        switch value {
        case .boolean(let isRevoked): return .all(isRevoked)
        case .array:
            let numbers = JSONShape<[Int]>.list(of: JSONShape<Int>.integer).take(value, at: pointer, noting: &mistakes)
            return numbers.map { .these($0) }
        default:
            mistakes.note(pointer, "must be true, false or a list of numbers of codes")
            return nil
        }
    }
}

import BoxOffice
import StrictJSON
import TicketStore

/// The schemas of an event's definition in the API's description, made from the members that the core lists.
///
/// Each member with bounds of its own is one schema, to which the three forms of a definition refer.
enum EventSchemas {
    /// What a definition is for: to be sent, to be shown, or to be merged into the one in force.
    private enum Form {
        case given, shown, patch
    }

    /// All of them, by their names in the description.
    static var all: [(name: String, schema: JSONValue)] {
        let members = EventDefinition.members()
        var schemas = members.compactMap(component) + EventDefinition.TicketType.members.compactMap(component)
        schemas.append(("Name", name))
        schemas.append(("Currency", currency))
        schemas.append(("EventDefinition", definition(.given)))
        var shown = definition(.shown)
        shown["description"] = "A definition with all its members."
        schemas.append(("EventDefinitionInForce", shown))
        schemas.append(("EventPatch", patch))
        schemas.append(("Allocations", allocations(isPatch: false)))
        schemas.append(("CodeBatch", codeBatch(isPatch: false)))
        schemas.append(("QueueBeacon", queueBeacon))
        schemas.append(("TicketType", type(.given)))
        schemas.append(("TicketTypeInForce", type(.shown)))
        return schemas
    }

    // MARK: - Members

    private static let name: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": .integer(Int64(Limits.nameLength)),
        "description": .string("1 to \(Limits.nameLength) characters, none of them a control character."),
    ]

    private static let currency: JSONValue = [
        "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217: three capital letters.",
    ]

    /// The same in a patch, where an object replaces a word and `null` takes it away.
    private static let checkout: JSONValue = [
        "oneOf": [
            ["type": "string", "enum": .array(EventDefinition.Checkout.words.map { .string($0.word) })],
            [
                "type": "object", "required": ["url"],
                "properties": [
                    "url": [
                        "type": "string", "maxLength": .integer(Int64(Limits.checkoutAddressLength)),
                        "pattern":
                            "^(https://[A-Za-z0-9.-]+|https?://\\[::1\\]|http://(localhost|127\\.0\\.0\\.1))(:[0-9]{1,5})?(/[A-Za-z0-9./_~%-]*)?$",
                    ]
                ],
                "additionalProperties": .boolean(false),
            ],
            ["type": "null"],
        ]
    ]

    /// How buyers queue: a member that is left out has its default.
    private static let queue: JSONValue = {
        var properties = QueueTerms.members.map { member -> JSONValue.Member in
            var schema: JSONValue =
                switch member.value {
                case .moment: ["$ref": "#/components/schemas/GivenMoment"]
                case .words(let words, _, _): ["type": "string", "enum": .array(words.map(JSONValue.string))]
                case .seconds(_, let range), .count(_, let range):
                    integer(Int64(range.lowerBound), Int64(range.upperBound))
                default: preconditionFailure("no member of a queue is of another kind")
                }
            if case .moment = member.value { schema = ["anyOf": [schema, ["type": "null"]]] }
            schema["description"] = .string(member.meaning)
            return .init(member.name, schema)
        }
        properties.append(.init("beacon", ["oneOf": [reference("QueueBeacon"), ["type": "null"]]]))
        return [
            "type": ["object", "null"], "properties": .object(properties), "additionalProperties": .boolean(false),
        ]
    }()

    private static var queueBeacon: JSONValue {
        let seconds = Limits.beaconSeconds
        return [
            "type": "object", "required": ["name"],
            "properties": [
                "name": ["type": "string", "minLength": 1, "maxLength": .integer(Int64(BeaconKind.maximumLength))],
                "wait_seconds": integer(Int64(seconds.lowerBound), Int64(seconds.upperBound)),
            ],
            "additionalProperties": .boolean(false),
            "description": "A public random value, announced before anybody knows it (Q3 Draw).",
        ]
    }

    /// The schema of a member that no other member shares; `nil` for the others.
    private static func component<Root>(of member: DocumentMember<Root>) -> (name: String, schema: JSONValue)? {
        var schema: JSONValue
        switch member.value {
        case .code, .name, .currency, .moment: return nil
        case .seconds(_, let range), .count(_, let range):
            schema = integer(Int64(range.lowerBound), Int64(range.upperBound))
        case .amount(_, let range): schema = integer(range.lowerBound, range.upperBound)
        case .note:
            schema = [
                "type": ["string", "null"], "minLength": 1, "maxLength": .integer(Int64(Limits.noticeLength)),
            ]
        case .text(_, let most), .lines(_, let most):
            schema = ["type": ["string", "null"], "minLength": 1, "maxLength": .integer(Int64(most))]
        case .webAddress:
            schema = [
                "type": ["string", "null"], "maxLength": .integer(Int64(Limits.webAddressLength)),
                "pattern": "^https?://[0-9A-Za-z][!#-;=?-Z_a-z~]*$",
            ]
        case .image:
            schema = [
                "type": ["string", "null"], "maxLength": .integer(Int64(Limits.webAddressLength)),
                "pattern": "^(https://[0-9A-Za-z][-.:0-9A-Za-z]*/|/[0-9A-Za-z])[!#-;=?-Z_a-z~]*$",
            ]
        case .timeZone:
            schema = ["type": ["string", "null"], "maxLength": 40, "pattern": "^[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}$"]
        case .bound:
            schema = integer(1, .max)
            schema["type"] = ["integer", "null"]
        case .checkout: schema = checkout
        case .queue: schema = queue
        case .words(let words, _, _): schema = ["type": "string", "enum": .array(words.map(JSONValue.string))]
        case .pools(_, let range):
            schema = list(of: "Code", Int64(range.lowerBound), Int64(range.upperBound))
            schema["uniqueItems"] = .boolean(true)
        }
        schema["description"] = .string(member.meaning)
        return (componentName(of: member), schema)
    }

    /// `HoldSeconds` of `hold_seconds`; a price and the pools are those of a ticket.
    private static func componentName<Root>(of member: DocumentMember<Root>) -> String {
        let words = member.name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }
        return (Root.self == EventDefinition.self ? "" : "Ticket") + words.joined()
    }

    private static func property<Root>(
        of member: DocumentMember<Root>, in form: Form, defaults: Root
    ) -> JSONValue {
        var schema: JSONValue
        var isNullable = form == .patch
        switch member.value {
        case .code: return ["$ref": "#/components/schemas/Code", "description": .string(member.meaning)]
        case .name:
            schema = nullable("Name", if: isNullable)
            schema["description"] = .string(member.meaning)
            return schema
        case .moment:
            schema = nullable(form == .shown ? "Moment" : "GivenMoment", if: true)
            schema["description"] = .string(member.meaning)
            return schema
        case .pools: return reference(componentName(of: member))
        // These are already.
        case .bound, .note, .checkout, .queue, .text, .lines, .webAddress, .image, .timeZone: isNullable = false
        default: break
        }
        let isShared = if case .currency = member.value { true } else { false }
        schema = nullable(isShared ? "Currency" : componentName(of: member), if: isNullable)
        if form == .given { schema["default"] = member.json(of: defaults) }
        return schema
    }

    // MARK: - Definitions

    private static func definition(_ form: Form) -> JSONValue {
        let members = EventDefinition.members()
        var properties = Self.properties(
            of: members, in: form, defaults: EventDefinition(id: sample, pools: [], types: []))
        let limits = Limits()
        var pools: JSONValue = [
            "type": "object", "description": "The numbers of places, by the codes of their pools.", "minProperties": 1,
            "maxProperties": .integer(Int64(limits.poolsPerEvent)), "propertyNames": reference("Code"),
            "additionalProperties": nullable("Capacity", if: form == .shown),
        ]
        if form == .shown {
            let whenHidden = "`null` where the event discloses only buckets and the caller has no operator's key"
            pools["description"] = .string("The numbers of places, by the codes of their pools; \(whenHidden).")
        }
        properties["pools"] = pools
        properties["allocations"] = ["$ref": "#/components/schemas/Allocations"]
        properties["types"] = list(
            of: form == .shown ? "TicketTypeInForce" : "TicketType", 1, Int64(limits.typesPerEvent))
        properties["codes"] = codes(isPatch: false)
        let optional = ["allocations", "codes", EventDefinition.presentationGroup] + EventDefinition.silentMembers
        let required = properties.names.filter { !optional.contains($0) }
        return object(properties, required: form == .shown ? required : ["pools", "types"])
    }

    /// What pools keep back (R45 Allocations). A patch merges it, and takes away what is `null`.
    private static func allocations(isPatch: Bool) -> JSONValue {
        var places: JSONValue = ["type": "object"]
        if !isPatch { places["required"] = ["places"] }
        places["properties"] = [
            "places": nullable("Capacity", if: isPatch),
            "released_at": [
                "oneOf": [reference("GivenMoment"), ["type": "null"]],
                "description":
                    "From this moment on the rest is for anybody; `null` if only a change of the event releases it.",
            ],
        ]
        places["additionalProperties"] = isPatch ? ["type": "null"] : .boolean(false)
        var forms: [JSONValue] = [reference("Capacity"), places]
        if isPatch { forms.append(["type": "null"]) }
        var ofPool: JSONValue = ["type": isPatch ? ["object", "null"] : "object"]
        if isPatch { ofPool["patternProperties"] = nullUnlessCode }
        ofPool["additionalProperties"] = ["anyOf": .array(forms)]
        if !isPatch {
            ofPool["propertyNames"] = reference("Code")
            ofPool["maxProperties"] = .integer(Int64(Limits.allocationsPerPool))
        }
        return [
            "type": isPatch ? ["object", "null"] : "object",
            "description":
                "Places that only the keys of shops and operators can draw, by pool and code (R45 Allocations). A plain number is the places of an allocation that a change of the event releases. Shown to callers with a key only.",
            "additionalProperties": ofPool,
        ]
    }

    /// A patch may take away a member with any name, and give one only with a code.
    private static let nullUnlessCode: JSONValue = ["^(?![A-Za-z0-9_-]{1,32}$)": ["type": "null"]]

    /// Batches of access codes (R46 Access codes). A patch merges them, and takes away what is `null`.
    private static func codes(isPatch: Bool) -> JSONValue {
        var codes: JSONValue = [
            "type": isPatch ? ["object", "null"] : "object",
            "description":
                "Access codes by the names of their batches (R46 Access codes). Their texts are in `GET /v1/events/{event}/codes`. Shown to callers with a key only.",
            "additionalProperties": isPatch
                ? ["oneOf": [codeBatch(isPatch: true), ["type": "null"]]] : reference("CodeBatch"),
        ]
        if isPatch {
            codes["patternProperties"] = nullUnlessCode
        } else {
            codes["propertyNames"] = reference("Code")
            codes["maxProperties"] = .integer(Int64(Limits.codeBatchesPerEvent))
        }
        return codes
    }

    private static func codeBatch(isPatch: Bool) -> JSONValue {
        func described(_ schema: JSONValue, _ description: String) -> JSONValue {
            var schema = schema
            schema["description"] = .string(description)
            return schema
        }
        func integer(_ least: Int64, _ most: Int64, isNullable: Bool = isPatch) -> JSONValue {
            var schema = Self.integer(least, most)
            if isNullable { schema["type"] = ["integer", "null"] }
            return schema
        }
        let moment: JSONValue = ["oneOf": [reference("GivenMoment"), ["type": "null"]]]
        let types: JSONValue = ["type": ["array", "null"], "items": reference("Code"), "uniqueItems": .boolean(true)]
        let numbers: JSONValue = [
            "type": "array", "items": Self.integer(1, Int64(Limits.codesPerBatch)),
            "maxItems": .integer(Int64(Limits.codesRevokedAlone)), "uniqueItems": .boolean(true),
        ]
        let properties: JSONValue = [
            "count": described(integer(1, Int64(Limits.codesPerBatch)), "How many codes there are, numbered from 1."),
            "tickets": described(
                integer(1, Int64(Limits.ticketsPerCode)),
                "How many tickets each code is good for, all its holds and purchases together."),
            "types": described(types, "The ticket types that it is good for; `null` for all."),
            "allocation": described(
                ["oneOf": [reference("Code"), ["type": "null"]]],
                "The allocation that its holds draw on, for any caller; `null` for places that are for anybody."),
            "opens_at": described(
                moment,
                "It is good from this moment on, whether the sale is open by then or not; `null` if it is good while the event and the type sell."
            ),
            "closes_at": described(moment, "It is good until this moment; `null` for no bound."),
            "price": described(
                integer(Limits.prices.lowerBound, Limits.prices.upperBound, isNullable: true),
                "The price of each of its tickets, in minor units; `null` for that of the type."),
            "revoked": described(
                ["oneOf": [["type": ["boolean", "null"]], numbers]],
                "`true` if none of its codes is good any more, or the numbers of single codes that are not."),
        ]
        if !isPatch { return object(properties, required: ["count", "tickets"]) }
        return ["type": "object", "properties": properties, "additionalProperties": ["type": "null"]]
    }

    private static var patch: JSONValue {
        var properties: JSONValue = [
            "paused": ["type": "boolean", "description": "`true` stops the sale, `false` lets it go on."]
        ]
        let members = Self.properties(
            of: EventDefinition.members(), in: .patch, defaults: EventDefinition(id: sample, pools: [], types: []))
        for name in members.names { properties[name] = members[name] }
        properties["pools"] = [
            "type": "object",
            "description":
                "The numbers of places, by the codes of their pools; `null` removes a pool that has no held or sold place.",
            "patternProperties": nullUnlessCode,
            "additionalProperties": nullable("Capacity", if: true),
        ]
        properties["allocations"] = allocations(isPatch: true)
        properties["types"] = list(of: "TicketType", 1, Int64(Limits().typesPerEvent))
        properties["codes"] = codes(isPatch: true)
        return [
            "type": "object", "properties": properties, "additionalProperties": ["type": "null"],
            "description":
                "The members of a definition that change, and `paused`. `null` sets a member back to its default.",
        ]
    }

    private static func type(_ form: Form) -> JSONValue {
        let defaults = EventDefinition.TicketType(code: sample, pools: [])
        let properties = Self.properties(of: EventDefinition.TicketType.members, in: form, defaults: defaults)
        // A type without terms of its own is shown without their groups.
        let ungrouped = EventDefinition.TicketType.members.filter { $0.group == nil }.map(\.name)
        return object(properties, required: form == .shown ? ungrouped : ["code", "pools"])
    }

    private static func properties<Root>(
        of members: [DocumentMember<Root>], in form: Form, defaults: Root
    ) -> JSONValue {
        var properties: JSONValue = [:]
        for member in members {
            let property = property(of: member, in: form, defaults: defaults)
            guard let group = member.group else {
                properties[member.name] = property
                continue
            }
            var inner = properties[group]["properties"]
            if inner == .null { inner = [:] }
            inner[member.name] = property
            properties[group] = self.group(inner, in: form)
        }
        return properties
    }

    private static func group(_ properties: JSONValue, in form: Form) -> JSONValue {
        switch form {
        case .given: ["type": "object", "properties": properties, "additionalProperties": .boolean(false)]
        case .shown: object(properties, required: properties.names)
        case .patch:
            ["type": ["object", "null"], "properties": properties, "additionalProperties": ["type": "null"]]
        }
    }

    // MARK: - Parts of schemas

    private static var sample: Code {
        guard let code = Code("sample") else { preconditionFailure("sample is a code") }
        return code
    }

    private static func object(_ properties: JSONValue, required: [String]) -> JSONValue {
        [
            "type": "object", "required": .array(required.map(JSONValue.string)), "properties": properties,
            "additionalProperties": .boolean(false),
        ]
    }

    private static func integer(_ least: Int64, _ most: Int64) -> JSONValue {
        ["type": "integer", "minimum": .integer(least), "maximum": .integer(most)]
    }

    private static func list(of name: String, _ least: Int64, _ most: Int64) -> JSONValue {
        ["type": "array", "items": reference(name), "minItems": .integer(least), "maxItems": .integer(most)]
    }

    private static func reference(_ name: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    private static func nullable(_ name: String, if isNullable: Bool) -> JSONValue {
        isNullable ? ["oneOf": [reference(name), ["type": "null"]]] : reference(name)
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral text: String) { self = .string(text) }
    public init(integerLiteral integer: Int64) { self = .integer(integer) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member($0.0, $0.1) })
    }

    /// The names of an object's members, in their order.
    var names: [String] {
        if case .object(let members) = self { members.map(\.name) } else { [] }
    }
}

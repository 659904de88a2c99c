/// One thing that is wrong with a definition or a request, and where.
public struct Mistake: Sendable, Hashable {
    /// A JSON Pointer (RFC 6901) into the document as the operator wrote it.
    public var pointer: String
    /// A sentence without its subject: "must be 1 or more".
    public var what: String

    public init(_ pointer: String, _ what: String) {
        self.pointer = pointer
        self.what = what
    }
}

extension EventDefinition {
    /// Everything that is wrong with the definition by itself, in the document's order; empty if it can be sold.
    public func mistakes(limits: Limits = Limits()) -> [Mistake] {
        var check = DefinitionCheck(limits: limits)
        check.names(self)
        check.times(self)
        check.buyers(self)
        let known = check.pools(self)
        check.types(self, drawingFrom: known)
        return check.found
    }
}

/// Goes through a definition and writes down what is wrong.
private struct DefinitionCheck {
    let limits: Limits
    private(set) var found: [Mistake] = []

    init(limits: Limits) {
        self.limits = limits
    }

    private mutating func expect(_ holds: Bool, _ pointer: String, _ what: @autoclosure () -> String) {
        if !holds { found.append(Mistake(pointer, what())) }
    }

    mutating func names(_ definition: EventDefinition) {
        name(definition.name, at: "/name")
        let currency = definition.currency.utf8
        expect(
            currency.count == 3 && currency.allSatisfy { (0x41...0x5a).contains($0) },
            "/currency", "must be three capital letters, as in EUR")
    }

    private mutating func name(_ name: String, at pointer: String) {
        expect(
            (1...Limits.nameLength).contains(name.unicodeScalars.count)
                && !name.unicodeScalars.contains(where: \.isControl),
            pointer, "must have 1 to \(Limits.nameLength) characters, none of them a control character")
    }

    mutating func times(_ definition: EventDefinition) {
        let limits = limits
        let longest = limits.holdTime.components.seconds
        let (holdTime, grace) = (definition.holdTime, definition.clientGrace)
        expect(
            holdTime >= .seconds(1) && holdTime <= limits.holdTime && isWhole(holdTime), "/hold_seconds",
            "must be from 1 to \(longest)")
        expect(
            grace >= .zero && grace <= .seconds(60) && isWhole(grace), "/grace_seconds", "must be from 0 to 60")
        expect(
            (0...limits.extensions).contains(definition.maximumExtensions), "/max_extensions",
            "must be from 0 to \(limits.extensions)")
        // Each extension adds one life at the most, so this caps the whole life of a hold (R13 Extension). Only of
        // numbers that are in range each: others were told of, and may be too large to multiply.
        if !found.contains(where: { ["/hold_seconds", "/grace_seconds", "/max_extensions"].contains($0.pointer) }) {
            expect(
                definition.life * (definition.maximumExtensions + 1) <= limits.holdLife, "/max_extensions",
                "must let a hold live for \(limits.holdLife.components.seconds) seconds in all at the most")
        }
        if let opensAt = definition.opensAt, let closesAt = definition.closesAt {
            expect(opensAt < closesAt, "/sale/closes_at", "must be later than opens_at")
        }
    }

    mutating func buyers(_ definition: EventDefinition) {
        let limits = limits
        expect(
            (1...limits.ticketsPerHold).contains(definition.ticketsPerHold), "/limits/tickets_per_hold",
            "must be from 1 to \(limits.ticketsPerHold)")
        expect((definition.ticketsPerBuyer ?? 1) >= 1, "/limits/tickets_per_buyer", "must be 1 or more, or null")
        expect((definition.holdsPerBuyer ?? 1) >= 1, "/limits/holds_per_buyer", "must be 1 or more, or null")
    }

    /// - Returns: the codes of the pools that there are.
    mutating func pools(_ definition: EventDefinition) -> Set<Code> {
        let limits = limits
        expect(
            (1...limits.poolsPerEvent).contains(definition.pools.count), "/pools",
            "must name from 1 to \(limits.poolsPerEvent) pools")
        var known = Set<Code>()
        for pool in definition.pools {
            let place = "/pools/\(pool.code)"
            expect(known.insert(pool.code).inserted, place, "is named twice")
            expect(
                (0...limits.capacityPerPool).contains(pool.capacity), place,
                "must be from 0 to \(limits.capacityPerPool)")
        }
        return known
    }

    mutating func types(_ definition: EventDefinition, drawingFrom known: Set<Code>) {
        let limits = limits
        expect(
            (1...limits.typesPerEvent).contains(definition.types.count), "/types",
            "must name from 1 to \(limits.typesPerEvent) ticket types")
        var codes = Set<Code>()
        for (index, type) in definition.types.enumerated() {
            let place = "/types/\(index)"
            expect(codes.insert(type.code).inserted, place + "/code", "is taken by an earlier type")
            name(type.name, at: place + "/name")
            expect(
                (0...1_000_000_000_000).contains(type.price), place + "/price",
                "must be from 0 to 1000000000000 minor units")
            expect(
                (1...Limits.poolsPerType).contains(type.pools.count), place + "/pools",
                "must name from 1 to \(Limits.poolsPerType) pools")
            var drawn = Set<Code>()
            for (position, pool) in type.pools.enumerated() {
                expect(known.contains(pool), place + "/pools/\(position)", "is not a pool of this event")
                expect(drawn.insert(pool).inserted, place + "/pools/\(position)", "is named twice")
            }
        }
    }

    private func isWhole(_ span: Duration) -> Bool {
        span.components.attoseconds == 0
    }
}

extension Unicode.Scalar {
    /// Whether it stands for no sign and changes how others are shown: controls, breaks of lines and paragraphs, and what
    /// turns the direction of a text, so that a name would end or look otherwise in a list than it is.
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: (0x202a...0x202e).contains(value) || (0x2066...0x2069).contains(value)
        }
    }
}

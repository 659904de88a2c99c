internal import BoxOffice
internal import TicketStore

/// What buyers are answered in v1, as JSON.
enum BuyerDocuments {
    /// A hold with everything that its buyer may know.
    ///
    /// - Parameters:
    ///   - catalogue: of the hold's event.
    ///   - token: only in the answer that gives the hold.
    static func hold(
        _ hold: HoldView, of catalogue: EventCatalogue, at moment: Moment, token: String? = nil, isLate: Bool = false
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 384)
        writer.object { writer in
            writer.member("id", hold.id.public)
            if let token { writer.member("token", token) }
            writer.member("event", catalogue.code.text)
            writer.member("state", hold.state.rawValue)
            writer.member("lines") { writer in
                writer.array { writer in
                    for line in hold.lines { Self.line(line, catalogue, to: &writer) }
                }
            }
            let total = hold.lines.reduce(Int64(0)) { $0 + Int64($1.quantity) * $1.price }
            writer.member("total", total)
            writer.member("currency", catalogue.currency)
            writer.member("expires_at", moment.wallTime(of: hold.expiresAt))
            let left = hold.state == .held ? hold.expiresAt.milliseconds - moment.office.milliseconds : 0
            writer.member("expires_in_ms", max(0, left))
            writer.member("server_time", moment.wall)
            writer.member("extensions_remaining", hold.state == .held ? hold.extensionsRemaining : 0)
            if hold.state == .purchased || hold.state == .returned {
                writer.member("purchase", hold.id.purchase)
                if isLate { writer.member("late", true) }
            }
        }
        return writer.bytes
    }

    private static func line(_ line: HeldLine, _ catalogue: EventCatalogue, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("type", catalogue.types[Int(line.type)].code.text)
            writer.member("quantity", line.quantity)
            writer.member("price", line.price)
        }
    }

    static func events(_ events: [EventReading], at moment: Moment) -> [UInt8] {
        var writer = JSONWriter(reserving: 1_024)
        writer.object { writer in
            writer.member("events") { writer in
                writer.array { writer in
                    for event in events {
                        writer.object { writer in
                            writer.member("id", event.definition.id.text)
                            writer.member("name", event.definition.name)
                            writer.member("state", SaleState(event, at: moment).rawValue)
                        }
                    }
                }
            }
        }
        return writer.bytes
    }

    /// The definition as it was given, with the state of the sale beside it.
    static func event(_ event: EventReading, at moment: Moment) -> [UInt8] {
        var writer = JSONWriter(reserving: 1_024)
        writer.object { writer in
            writer.member("state", SaleState(event, at: moment).rawValue)
            writer.member("paused", event.isPaused)
            writer.member("definition") { EventDocument.write(event.definition, to: &$0) }
        }
        return writer.bytes
    }

    /// What is left, as exactly as the operator discloses it.
    static func availability(_ left: Availability, of event: EventReading, _ sale: SaleState) -> [UInt8] {
        let counts = event.definition.disclosure == .counts
        var writer = JSONWriter(reserving: 512)
        writer.object { writer in
            writer.member("event", event.definition.id.text)
            writer.member("state", sale.rawValue)
            if counts { writer.member("free", left.free) }
            writer.member("types") { writer in
                writer.array { writer in
                    for type in left.types {
                        writer.object { writer in
                            writer.member("type", type.code.text)
                            writer.member("state", TypeState(type, sale).rawValue)
                            if counts { writer.member("free", type.free) }
                        }
                    }
                }
            }
        }
        return writer.bytes
    }
}

/// Whether an event sells now.
enum SaleState: String {
    case notStarted = "not_started"
    case open
    case paused
    case ended

    init(_ event: EventReading, at moment: Moment) {
        if let opensAt = event.definition.opensAt, moment.wall < opensAt {
            self = .notStarted
        } else if let closesAt = event.definition.closesAt, moment.wall >= closesAt {
            self = .ended
        } else {
            self = event.isPaused ? .paused : .open
        }
    }
}

/// What can be said of a ticket type in a word.
enum TypeState: String {
    case notStarted = "not_started"
    case available
    /// A tenth or less is left.
    case low
    /// Nothing free, but something held.
    case held
    case soldOut = "sold_out"
    case paused
    case ended

    init(_ type: Availability.TicketType, _ sale: SaleState) {
        switch sale {
        case .notStarted: self = .notStarted
        case .paused: self = .paused
        case .ended: self = .ended
        case .open:
            if type.free > 0 {
                self = type.free * 10 <= type.capacity ? .low : .available
            } else {
                self = type.mayComeBack ? .held : .soldOut
            }
        }
    }
}

extension HoldID {
    /// How a hold is called in paths and answers.
    var `public`: String { "H\(number)" }
    /// How the purchase of a hold is called.
    var purchase: String { "P\(number)" }

    /// The hold whose purchase is called so.
    init?(purchase text: String) {
        guard let number = UInt64(text.dropFirst()), HoldID(number).purchase == text else { return nil }
        self.init(number)
    }

    /// The hold that is called so; `nil` unless written exactly as ``public`` writes it.
    init?(public text: String) {
        guard let number = UInt64(text.dropFirst()), HoldID(number).public == text else { return nil }
        self.init(number)
    }
}

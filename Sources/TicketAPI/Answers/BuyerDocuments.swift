internal import BoxOffice
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// The JSON documents that v1 answers buyers with.
enum BuyerDocuments {
    /// A hold with everything that its buyer may know.
    ///
    /// Written in pieces and without a `JSONWriter`, since every answer about a hold has one. Nothing in it needs an escape:
    /// codes and currencies have their alphabets, and the rest is numbers, states and moments.
    ///
    /// - Parameters:
    ///   - catalogue: of the hold's event.
    ///   - mint: for the answer that gives the hold, the only one with its token.
    static func write(
        _ hold: HoldView, of catalogue: EventCatalogue, at moment: Moment, tokenFrom mint: TokenMint? = nil,
        payment: SeenPayment = [], _ texts: inout MomentTexts, to buffer: inout ByteBuffer
    ) {
        let isHeld = hold.state == .held
        buffer.writeStaticString(#"{"id":"H"#)
        buffer.writeDecimal(Int(truncatingIfNeeded: hold.id.number))
        if let mint {
            buffer.writeStaticString(#"","token":""#)
            mint.write(hold.id, to: &buffer)
        }
        buffer.writeStaticString(#"","event":""#)
        buffer.writeString(catalogue.code.text)
        buffer.writeStaticString(#"","state":""#)
        buffer.writeString(hold.state.rawValue)
        buffer.writeStaticString(#"","lines":["#)
        let (total, returned) = writeLines(of: hold, catalogue, to: &buffer)
        buffer.writeStaticString(#"],"total":"#)
        buffer.writeDecimal(total)
        if let returned {
            buffer.writeStaticString(#","returned_total":"#)
            buffer.writeDecimal(returned)
            buffer.writeStaticString(#","kept_total":"#)
            buffer.writeDecimal(total - returned)
        }
        buffer.writeStaticString(#","currency":""#)
        buffer.writeString(catalogue.currency(of: hold))
        buffer.writeStaticString(#"","expires_at":""#)
        texts.end.write(moment.wallTime(of: hold.expiresAt), to: &buffer)
        buffer.writeStaticString(#"","expires_in_ms":"#)
        buffer.writeDecimal(isHeld ? max(0, Int(hold.expiresAt.milliseconds - moment.office.milliseconds)) : 0)
        buffer.writeStaticString(#","server_time":""#)
        texts.now.write(moment.wall, to: &buffer)
        buffer.writeStaticString(#"","extensions_remaining":"#)
        buffer.writeDecimal(isHeld ? max(0, hold.extensionsRemaining) : 0)
        if hold.state == .purchased || hold.state == .returned {
            buffer.writeStaticString(#","purchase":"P"#)
            buffer.writeDecimal(Int(truncatingIfNeeded: hold.id.number))
            buffer.writeStaticString(payment.contains(.late) ? "\",\"late\":true" : "\"")
        }
        if payment.contains(.owed) { buffer.writeStaticString(#","refund_owed":true"#) }
        buffer.writeStaticString(payment.contains(.paidBack) ? #","paid_back":true}"# : "}")
    }

    /// - Returns: the total price, and that of the tickets that were returned; `nil` if none were.
    private static func writeLines(
        of hold: HoldView, _ catalogue: EventCatalogue, to buffer: inout ByteBuffer
    ) -> (total: Int, returned: Int?) {
        var total = 0
        var returned: Int?
        for (index, line) in hold.lines.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            buffer.writeStaticString(#"{"type":""#)
            buffer.writeString(catalogue.types[Int(line.type)].code.text)
            if let allocation = catalogue.types[Int(line.type)].allocation {
                buffer.writeStaticString(#"","allocation":""#)
                buffer.writeString(allocation.text)
            }
            buffer.writeStaticString(#"","quantity":"#)
            buffer.writeDecimal(Int(line.quantity))
            buffer.writeStaticString(#","price":"#)
            buffer.writeDecimal(Int(line.price))
            if line.returned > 0 {
                buffer.writeStaticString(#","returned":"#)
                buffer.writeDecimal(Int(line.returned))
                returned = (returned ?? 0) + Int(line.returned) * Int(line.price)
            }
            buffer.writeStaticString("}")
            total += Int(line.quantity) * Int(line.price)
        }
        return (total, returned)
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
    ///
    /// - Parameters:
    ///   - showsCapacities: whether the caller may know how many places there are.
    ///   - showsAllocations: whether the caller may know what is kept back.
    ///   - warnings: what is unusual about a definition that was just given.
    static func event(
        _ event: EventReading, at moment: Moment, showsCapacities: Bool = true, showsAllocations: Bool = true,
        warnings: [Mistake] = []
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 1_024)
        writer.object { writer in
            writer.member("state", SaleState(event, at: moment).rawValue)
            writer.member("paused", event.isPaused)
            writer.member("types") { writer in
                let sale = SaleStates(event, at: moment)
                writer.array { writer in
                    for type in event.definition.types {
                        writer.object { writer in
                            writer.member("type", type.code.text)
                            writer.member("state", sale.state(of: type.code).rawValue)
                        }
                    }
                }
            }
            writer.member("definition") {
                EventDocument.write(
                    event.definition, showsCapacities: showsCapacities, showsAllocations: showsAllocations, to: &$0)
            }
            if !warnings.isEmpty {
                writer.member("warnings") { writer in
                    writer.array { writer in
                        for warning in warnings { writer.mistake(warning) }
                    }
                }
            }
        }
        return writer.bytes
    }

    /// What is left.
    ///
    /// - Parameters:
    ///   - counts: whether the caller may know the numbers.
    ///   - showsAllocations: whether the caller may know what is kept back.
    static func availability(
        _ left: Availability, of event: EventReading, _ sale: SaleStates, counts: Bool, showsAllocations: Bool = false
    ) -> [UInt8] {
        var writer = JSONWriter(reserving: 512)
        writer.object { writer in
            writer.member("event", event.definition.id.text)
            writer.member("state", sale.event.rawValue)
            if counts { writer.member("free", left.free) }
            writer.member("types") { writer in
                writer.array { writer in
                    for type in left.types {
                        writer.object { writer in
                            writer.member("type", type.code.text)
                            writer.member("state", TypeState(type, sale.state(of: type.code)).rawValue)
                            if counts { writer.member("free", type.free) }
                        }
                    }
                }
            }
            if showsAllocations { write(left.allocations, to: &writer) }
        }
        return writer.bytes
    }
}

extension BuyerDocuments {
    /// What is kept back, and what became of it (R45 Allocations).
    private static func write(_ allocations: [Availability.Allocation], to writer: inout JSONWriter) {
        writer.member("allocations") { writer in
            writer.array { writer in
                for allocation in allocations {
                    writer.object { writer in
                        writer.member("pool", allocation.pool.text)
                        writer.member("allocation", allocation.code.text)
                        writer.member("places", allocation.places)
                        writer.member("held", allocation.held)
                        writer.member("sold", allocation.sold)
                        writer.member("left", allocation.left)
                        writer.member("released_at", allocation.releasedAt)
                        writer.member("released", allocation.isReleased)
                    }
                }
            }
        }
    }
}

/// Texts of the two moments in the document of a hold or an entry, kept apart because they lie in different seconds.
struct MomentTexts {
    var end = MomentText()
    var now = MomentText()
}

/// The state of a ticket type in a word.
enum TypeState: String {
    case notStarted = "not_started"
    case available
    /// A tenth or less is left.
    case low
    /// Nothing is free, and something is held.
    case held
    case soldOut = "sold_out"
    case paused
    case ended
    case cancelled

    init(_ type: Availability.TicketType, _ sale: SaleState) {
        switch sale {
        case .notStarted: self = .notStarted
        case .paused: self = .paused
        case .ended: self = .ended
        case .cancelled: self = .cancelled
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
    /// The name of a hold in paths and answers.
    var `public`: String { "H\(number)" }
    /// The name of the purchase of a hold.
    var purchase: String { "P\(number)" }

    /// The hold whose purchase has this name.
    init?(purchase text: String) {
        guard let number = UInt64(text.dropFirst()), HoldID(number).purchase == text else { return nil }
        self.init(number)
    }

    /// The hold with this name; `nil` unless it is written exactly as ``public`` writes it.
    init?(public text: String) {
        guard let number = UInt64(text.dropFirst()), HoldID(number).public == text else { return nil }
        self.init(number)
    }
}

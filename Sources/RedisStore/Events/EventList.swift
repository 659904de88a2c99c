internal import BoxOffice
internal import NIOCore

/// The list of events as Redis has it (`Lua/catalogue.lua`), and when it was read.
struct EventList: Sendable {
    struct Item: Sendable {
        var number: EventNumber
        var revision: UInt64
        var isRemoved: Bool
        var code: String
    }

    var moment: Moment
    var version: Int
    /// `nil` if the version is the one that was known.
    var events: [Item]?

    init(_ bytes: ByteBuffer, known: Int) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        moment = try reader.moment()
        version = try reader.number()
        guard version != known else { return }
        var events: [Item] = []
        while !reader.isAtEnd {
            guard let number = try reader.event() else { throw PackedMistake() }
            let revision = try reader.count()
            let isRemoved = try reader.byte() == 1
            events.append(Item(number: number, revision: revision, isRemoved: isRemoved, code: try reader.text()))
        }
        self.events = events
    }
}

/// Where a change of an event begins: what the list says of its code.
struct EventListing: Sendable {
    var moment: Moment
    /// `nil` if the list has no event with the code.
    var number: EventNumber?
    /// The number of the next new event.
    var next: EventNumber
    /// Definitions so far.
    var count: UInt64

    init(_ bytes: ByteBuffer) throws(PackedMistake) {
        var reader = PackedReader(bytes)
        moment = try reader.moment()
        number = try reader.event()
        next = EventNumber(try reader.count())
        count = try reader.count()
    }
}

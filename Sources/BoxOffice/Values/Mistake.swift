/// One thing that is wrong with a definition or a request, and where.
public struct Mistake: Sendable, Hashable {
    /// A JSON Pointer (RFC 6901) into the document as its author wrote it; empty for the whole document.
    public var pointer: String
    /// A sentence without its subject: "must be 1 or more".
    public var what: String

    public init(_ pointer: String, _ what: String) {
        self.pointer = pointer
        self.what = what
    }
}

// The sentences that the core shares with the store on Redis, whose functions find the same mistakes.

extension Mistake {
    /// A number that is outside its bounds.
    package static func outside(_ range: ClosedRange<Int>, at pointer: String) -> Mistake {
        Mistake(pointer, "must be from \(range.lowerBound) to \(range.upperBound)")
    }

    // MARK: Holds

    package static func lines(most: Int) -> Mistake {
        Mistake("/lines", "must be \(most) or fewer")
    }

    package static func quantity(ofLine index: Int, most: Int) -> Mistake {
        Mistake("/lines/\(index)/quantity", "must be from 1 to \(most)")
    }

    package static func minimum(ofLine index: Int, quantity: Int) -> Mistake {
        Mistake("/lines/\(index)/min_quantity", "must be from 1 to \(quantity)")
    }

    package static func tickets(most: Int) -> Mistake {
        Mistake("/lines", "must ask for \(most) tickets or fewer")
    }

    /// Tickets of a type with terms of its own, all lines of the type together; the first of them is named.
    package static func quantity(ofLine index: Int, _ range: ClosedRange<Int>, of type: Code) -> Mistake {
        Mistake(
            "/lines/\(index)/quantity",
            "must be from \(range.lowerBound) to \(range.upperBound), the tickets of \(type) in one hold")
    }

    package static func minimum(ofLine index: Int, least: Int, of type: Code) -> Mistake {
        Mistake("/lines/\(index)/min_quantity", "must be \(least) or more, the fewest tickets of \(type) in one hold")
    }

    package static let noBuyer = Mistake("/buyer", "must be given, this event limits what one buyer may take")

    // MARK: Definitions

    package static func events(most: Int) -> Mistake {
        Mistake("/id", "would be more than \(most) events, counting removed ones")
    }

    package static func poolInUse(_ code: Code) -> Mistake {
        Mistake("/pools", "must keep \(code): places in it are held or sold")
    }

    package static func pools(most: Int) -> Mistake {
        Mistake("/pools", "would be more than \(most), counting dropped ones")
    }

    package static func types(most: Int) -> Mistake {
        Mistake("/types", "would be more than \(most), counting replaced ones")
    }

    package static func codeBatches(most: Int) -> Mistake {
        Mistake("/codes", "would be more than \(most) batches, counting dropped ones")
    }

    package static func terms(most: Int) -> Mistake {
        Mistake("", "would be the event's \(most + 1)th set of terms for holds")
    }
}

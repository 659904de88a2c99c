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

    /// A text that people read.
    package static func text(most: Int, at pointer: String) -> Mistake {
        Mistake(pointer, "must have 1 to \(most) characters, none of them a control character")
    }

    package static func lines(most: Int, at pointer: String) -> Mistake {
        Mistake(pointer, "must have 1 to \(most) characters, and no control character but line feeds")
    }

    package static func webAddress(at pointer: String) -> Mistake {
        Mistake(
            pointer,
            "must be an address as in https://example.org/terms, \(Limits.webAddressLength) bytes at most, "
                + "with % escapes for what is not ASCII")
    }

    package static func image(at pointer: String) -> Mistake {
        Mistake(
            pointer,
            "must be an address as in https://example.org/summer.jpg, or a path as in /summer.jpg, "
                + "\(Limits.webAddressLength) bytes at most, with % escapes for what is not ASCII")
    }

    package static func noImage(at pointer: String) -> Mistake {
        Mistake(pointer, "must come with an image")
    }

    package static func timeZone(at pointer: String) -> Mistake {
        Mistake(pointer, "must be a name of the IANA time zone database, as in Europe/Berlin")
    }

    package static func endsBeforeItStarts(at pointer: String) -> Mistake {
        Mistake(pointer, "must come with a starts_at that is earlier")
    }

    package static func currency(at pointer: String) -> Mistake {
        Mistake(pointer, "must be three capital letters, as in EUR")
    }

    package static func amount(_ range: ClosedRange<Int64>, at pointer: String) -> Mistake {
        Mistake(pointer, "must be from \(range.lowerBound) to \(range.upperBound) minor units")
    }

    package static func bound(at pointer: String) -> Mistake { Mistake(pointer, "must be 1 or more, or null") }

    /// The number of things of a kind, such as "ticket types".
    package static func count(_ range: ClosedRange<Int>, of kind: String, at pointer: String) -> Mistake {
        Mistake(pointer, "must name from \(range.lowerBound) to \(range.upperBound) \(kind)")
    }

    /// The number of things of a kind that need not be there.
    package static func count(most: Int, of kind: String, at pointer: String) -> Mistake {
        Mistake(pointer, "must name \(most) \(kind) or fewer")
    }

    package static func lifeOfHold(seconds: Int64) -> Mistake {
        Mistake("/max_extensions", "must let a hold live for \(seconds) seconds in all at the most")
    }

    package static func closesBeforeItOpens(at pointer: String) -> Mistake {
        Mistake(pointer, "must be later than opens_at")
    }

    package static func namedTwice(at pointer: String) -> Mistake { Mistake(pointer, "is named twice") }

    package static func unknownPool(at pointer: String) -> Mistake { Mistake(pointer, unknownPoolForm) }

    package static func queueOpensLate(at pointer: String) -> Mistake {
        Mistake(pointer, "must be earlier than the opens_at of the sale")
    }

    package static func beaconText(at pointer: String) -> Mistake {
        Mistake(pointer, "must have 1 to \(BeaconKind.maximumLength) bytes, none of them a control character")
    }

    package static func queueIdentity(_ identity: QueueTerms.Identity) -> Mistake {
        Mistake("/queue/identity", "must stay \(identity.rawValue), because people have joined")
    }

    package static let queueBeacon = Mistake("/queue/beacon", "must stay, because it was announced for the draw")

    /// Nobody can be let in by hand.
    package static let queueStands = Mistake("/let_in", "must be left out before the draw, and while the queue is over")

    package static let queueNeedsBuyer = Mistake("/buyer", "must be given, this queue has one entry for each buyer")

    package static let queueTakesNoBuyer = Mistake(
        "/buyer", "must be left out, this queue has an entry for each device")

    package static let unknownPoolForm = "is not a pool of this event"

    package static func unknownType(at pointer: String) -> Mistake {
        Mistake(pointer, "is not a ticket type of this event")
    }

    package static func unknownAllocation(at pointer: String) -> Mistake {
        Mistake(pointer, "is not an allocation of this event")
    }

    package static func numberOfCode(most: Int, at pointer: String) -> Mistake {
        Mistake(pointer, "must be the number of a code, from 1 to \(most)")
    }

    package static func typeTaken(at pointer: String) -> Mistake { Mistake(pointer, "is taken by an earlier type") }

    package static func leastAboveMost(_ most: Int, at pointer: String) -> Mistake {
        Mistake(pointer, "must be \(most) or fewer, the most of one hold")
    }

    package static func allocations(most: Int, at pointer: String) -> Mistake {
        Mistake(pointer, "must name \(most) allocations or fewer")
    }

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

    package static let checkoutAddressForm =
        "must begin with https:// and a host, and have no query (http:// only for 127.0.0.1, localhost and [::1])"

    package static let checkoutForm = "must be demo, free or an object with a url"

    package static let checkoutNeedsShop = Mistake(
        "/checkout", "with a url needs the completion shop, or buyers could skip paying")

    package static let checkoutNeedsToken = Mistake(
        "/checkout", "demo or free needs the completion token, because the buyer's page completes")

    package static let checkoutIsNotFree = Mistake("/checkout", "free needs the price 0 of everything")

    package static func terms(most: Int) -> Mistake {
        Mistake("", "would be the event's \(most + 1)th set of terms for holds")
    }
}

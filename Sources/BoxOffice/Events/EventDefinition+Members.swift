extension EventDefinition {
    /// The members that documents leave out where there is nothing to say.
    public static let noticeMember = "notice"
    public static let checkoutMember = "checkout"
    public static let silentMembers: Set<String> = [noticeMember, checkoutMember, queueMember]
    /// The group that documents leave out where there is nothing to say.
    public static let presentationGroup = "presentation"

    /// The members of an event's document in its order; `pools` and `types` come after them.
    public static func members(limits: Limits = Limits()) -> [DocumentMember<EventDefinition>] {
        nameMembers + presentationMembers + holdMembers(limits) + saleMembers + limitMembers(limits) + otherMembers
    }

    private static let nameMembers: [DocumentMember<EventDefinition>] = [
        .init("id", .code(\.id), "The event's code. Its paths contain it."),
        .init("name", .name(\.name), "What people read; the `id` if left out."),
        .init(
            noticeMember, .note(\.notice),
            "What buyers should know now, such as why the sale is paused; pages show it. `null`, or left out, for nothing."
        ),
    ]

    /// What a hold is, and how it is paid.
    private static func holdMembers(_ limits: Limits) -> [DocumentMember<EventDefinition>] {
        [
            .init("currency", .currency(\.currency), "ISO 4217: three capital letters."),
            .init(
                "hold_seconds", .seconds(\.holdTime, 1...Int(limits.holdTime.components.seconds)),
                "How long a buyer may keep a hold, up to its `expires_at`."),
            .init(
                "grace_seconds", .seconds(\.clientGrace, 0...60),
                "How much later than `expires_at` a hold really ends, for requests that are under way (R6 Deadline)."),
            .init(
                "max_extensions", .count(\.maximumExtensions, 0...limits.extensions),
                "How often a hold can be extended. It lives for seven days at most, extensions included."),
            .init(
                "late_payment", .word(\.latePayment),
                "What a payment after the deadline gets: `reacquire` tries once to get the same places, `strict` refuses "
                    + "(R9 Late payment)."),
            .init(
                "completion", .word(\.completion),
                "Who completes holds: anyone with the hold's `token`, or only the `shop` with a key of the role `shop` or "
                    + "`operator` (R24 Who completes)."),
            .init(
                checkoutMember, .checkout(\.checkout),
                "How buyers pay on the pages (R55 Checkout): `demo`, a button that says that it is a demonstration; `free`, a "
                    + "button, where nothing costs anything; or `{\"url\": \"https://…\"}`, the shop's page, with `completion` "
                    + "`shop`. `null`, or left out: not on the pages, except what costs nothing."),
            .init(
                queueMember, .queue(\.queue),
                "How buyers queue (Q1 Phases): an object; its members have defaults. `null`, or left out: not at all."),
        ]
    }

    /// When the event is sold.
    private static let saleMembers: [DocumentMember<EventDefinition>] = [
        .init(
            "opens_at", in: "sale", .moment(\.opensAt),
            "The sale starts at this moment; `null` for no bound."),
        .init(
            "closes_at", in: "sale", .moment(\.closesAt),
            "The sale ends at this moment, which is later than `opens_at`; `null` for no bound."),
    ]

    /// How much one hold and one buyer may have (R25 Buyer limits).
    private static func limitMembers(_ limits: Limits) -> [DocumentMember<EventDefinition>] {
        [
            .init(
                "tickets_per_hold", in: "limits", .count(\.ticketsPerHold, 1...limits.ticketsPerHold),
                "Tickets of one hold, all its lines together."),
            .init(
                "tickets_per_buyer", in: "limits", .bound(\.ticketsPerBuyer),
                "Tickets that one buyer may hold and have bought together; `null` for no limit. With a limit, a hold must "
                    + "name its buyer."),
            .init(
                "holds_per_buyer", in: "limits", .bound(\.holdsPerBuyer),
                "Live holds that one buyer may have; `null` for no limit. With a limit, a hold must name its buyer."),
        ]
    }

    private static let otherMembers: [DocumentMember<EventDefinition>] = [
        .init(
            "disclose", .word(\.disclosure),
            "What the public sees of the places left: `counts`, or only `buckets` such as `available` and `low`."),
        .init(
            "buyer_search", .word(\.buyerSearch),
            "How operators find the holds of a buyer on Redis (R47 Search): by an `index`, with an entry for each hold that "
                + "has a buyer, or by a `walk` through all holds. The embedded store always has an index."),
    ]

    /// What people read (R56 Presentation).
    private static let presentationMembers: [DocumentMember<EventDefinition>] = [
        .init(
            "starts_at", in: presentationGroup, .moment(\.presentation.startsAt),
            "When the event begins; `null`, as for all of these, if nothing is said of it."),
        .init(
            "ends_at", in: presentationGroup, .moment(\.presentation.endsAt),
            "When the event ends, which is later than `starts_at`."),
        .init(
            "time_zone", in: presentationGroup, .timeZone(\.presentation.timeZone),
            "The time zone in which people read these moments, by its name in the IANA database, as in `Europe/Berlin`; "
                + "`null` for each reader's own."),
        .init(
            "venue", in: presentationGroup, .text(\.presentation.venue, most: Limits.nameLength),
            "Where the event is: the name of the house."),
        .init(
            "address", in: presentationGroup, .text(\.presentation.address, most: Limits.addressLength),
            "The address of the venue, on one line."),
        .init(
            "description", in: presentationGroup, .lines(\.presentation.description, most: Limits.descriptionLength),
            "What the event is: plain text, with an empty line between paragraphs. Addresses in it become links."),
        .init(
            "image", in: presentationGroup, .image(\.presentation.image),
            "A picture of the event, which pages show 16 wide and 9 high: an `https` address, which each reader's browser asks, "
                + "or a path at the origin of the pages."),
        .init(
            "image_text", in: presentationGroup, .text(\.presentation.imageText, most: Limits.noticeLength),
            "What the picture shows, for those who do not see it; without it the picture is decoration."),
        .init("website", in: presentationGroup, .webAddress(\.presentation.website), "The event's own pages."),
        .init(
            "price_note", in: presentationGroup, .text(\.presentation.priceNote, most: Limits.noticeLength),
            "What buyers should know of the prices, such as fees that are in them."),
        .init(
            "terms_url", in: presentationGroup, .webAddress(\.presentation.termsURL),
            "Where the terms are under which tickets are sold."),
    ]
}

extension EventDefinition.TicketType {
    /// The members of a ticket type's document in its order.
    public static let members: [DocumentMember<EventDefinition.TicketType>] = [
        .init("code", .code(\.code), "The type's code. The lines of a hold name it."),
        .init("name", .name(\.name), "What people read; the `code` if left out."),
        .init(
            "price", .amount(\.price, Limits.prices), "Minor units of the event's currency: cents for EUR."),
        .init(
            "pools", .pools(\.pools, 1...Limits.poolsPerType),
            "The pools that the type draws from. Each ticket takes one place in each of them."),
        .init(
            "opens_at", in: "sale", .moment(\.opensAt),
            "The type is sold from this moment on, while the event's sale is open; `null` for no bound."),
        .init(
            "closes_at", in: "sale", .moment(\.closesAt),
            "The sale of the type ends at this moment, which is later than `opens_at`; `null` for no bound."),
        .init(
            "min_tickets_per_hold", in: "limits", .bound(\.leastPerHold),
            "The fewest tickets of the type that a hold of it may have; `null` for no bound."),
        .init(
            "tickets_per_hold", in: "limits", .bound(\.mostPerHold),
            "Tickets of the type in one hold; `null` for the event's own limit, which applies in any case."),
        .init(
            "tickets_per_buyer", in: "limits", .bound(\.ticketsPerBuyer),
            "Tickets of the type that one buyer may hold and have bought together; `null` for no limit. With a limit, a hold "
                + "of the type must name its buyer."),
    ]
}

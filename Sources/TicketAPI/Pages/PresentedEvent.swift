internal import BoxOffice
internal import Pages
internal import StrictJSON
internal import TicketStore

/// What people and their machines read of an event beyond its name (R56 Presentation).
struct PresentedEvent {
    let event: EventReading
    /// The origin at which browsers reach the service; without it there is nothing that needs an absolute address.
    let publicURL: String?

    private var definition: EventDefinition { event.definition }
    private var presentation: EventPresentation { event.definition.presentation }
    private var zone: EventZone? { presentation.timeZone.flatMap { EventZone($0) } }
    private var path: String { "/events/\(definition.id)" }

    /// When and where it is, for lists and for the head of a page.
    func whenAndWhere(in language: Language) -> PageObject {
        var values: PageObject = [
            "venue": PageValue(presentation.venue), "address": PageValue(presentation.address), "starts": false,
            "ends": false, "when": false,
        ]
        guard let startsAt = presentation.startsAt else { return values }
        values.set("starts", startsAt)
        if let endsAt = presentation.endsAt { values.set("ends", endsAt) }
        if let zone {
            values["when"] = .text(
                language.text(from: startsAt.milliseconds, to: presentation.endsAt?.milliseconds, in: zone))
            values["starts_iso"] = .text(zone.text(ofMoment: startsAt.milliseconds))
        }
        values["calendar"] = .text(path + Self.calendarSuffix)
        return values
    }

    /// What its page shows.
    func values(in language: Language) -> PageObject {
        var values = whenAndWhere(in: language)
        values["image"] = PageValue(presentation.image)
        values["image_text"] = PageValue(presentation.imageText)
        values["website"] = PageValue(presentation.website)
        values["price_note"] = PageValue(presentation.priceNote)
        values["terms"] = PageValue(presentation.termsURL)
        values["paragraphs"] = .list(
            PlainText.paragraphs(presentation.description ?? "").map { parts in
                ["parts": .list(parts.map { ["text": .text($0.text), "is_link": .flag($0.isLink)] })]
            })
        return values
    }

    /// The address of its image, if that is elsewhere.
    var imageElsewhere: String? {
        if case .elsewhere(let address)? = presentation.imageSource { address } else { nil }
    }

    /// The address of its image for readers elsewhere.
    private var imageAddress: String? {
        guard case .here(let path)? = presentation.imageSource else { return presentation.image }
        return publicURL.map { $0 + path }
    }

    // MARK: For machines

    /// Characters of the summary that search engines and messengers show; they cut at about as many.
    private static let summaryLength = 200

    /// What the head of its page says to search engines and messengers.
    func head(_ left: Availability, _ states: SaleStates, in language: Language) -> PageObject {
        let summary = summary(in: language)
        var values: PageObject = [
            "summary": PageValue(summary), "event_name": .text(definition.name),
            "address_of_page": PageValue(publicURL.map { $0 + path }),
            "image_address": PageValue(imageAddress), "image_text": PageValue(presentation.imageText),
            "locale": .text(language == .german ? "de_DE" : "en_GB"),
        ]
        if let startsAt = presentation.startsAt {
            values["linked_data"] = .json(linkedData(startsAt, summary, left, states))
        }
        return values
    }

    /// The beginning of the description; without one, when and where it is.
    private func summary(in language: Language) -> String? {
        guard let description = presentation.description else {
            let time = presentation.startsAt.map { startsAt in
                zone.map { language.text(from: startsAt.milliseconds, to: nil, in: $0) }
                    ?? language.text(ofMoment: startsAt.milliseconds)
            }
            let parts = [time, presentation.venue].compactMap { $0 }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
        let words = description.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard words.count > Self.summaryLength else { return words }
        let cut = words.prefix(Self.summaryLength)
        return (cut.lastIndex(of: " ").map { cut[..<$0] } ?? cut) + "…"
    }

    /// The event with its offers in the vocabulary of schema.org, as JSON-LD.
    private func linkedData(
        _ startsAt: WallTime, _ summary: String?, _ left: Availability, _ states: SaleStates
    ) -> JSONValue {
        let page = publicURL.map { JSONValue.string($0 + path) }
        var members: [JSONValue.Member] = [
            .init("@context", .string("https://schema.org")), .init("@type", .string("Event")),
            .init("name", .string(definition.name)), .init("startDate", .string(text(startsAt))),
            .init(
                "eventStatus",
                .string("https://schema.org/" + (event.isCancelled ? "EventCancelled" : "EventScheduled"))),
        ]
        func add(_ name: String, _ value: JSONValue?) {
            if let value { members.append(.init(name, value)) }
        }
        add("endDate", presentation.endsAt.map { .string(text($0)) })
        add("description", summary.map(JSONValue.string))
        add("image", imageAddress.map(JSONValue.string))
        add("url", page)
        add("sameAs", presentation.website.map(JSONValue.string))
        if presentation.venue != nil || presentation.address != nil {
            var location: [JSONValue.Member] = [.init("@type", .string("Place"))]
            if let venue = presentation.venue { location.append(.init("name", .string(venue))) }
            if let address = presentation.address { location.append(.init("address", .string(address))) }
            add("location", .object(location))
        }
        let offers = zip(definition.types, left.types).map { type, left in
            offer(type, TypeState(left, states.state(of: type.code)), page)
        }
        add("offers", .array(offers))
        return .object(members)
    }

    private func offer(_ type: EventDefinition.TicketType, _ state: TypeState, _ page: JSONValue?) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("@type", .string("Offer")), .init("name", .string(type.name)),
            .init("price", .string(Language.english.plainText(of: type.price, in: definition.currency))),
            .init("priceCurrency", .string(definition.currency)),
            .init("availability", .string("https://schema.org/" + Self.word(for: state))),
        ]
        if let page { members.append(.init("url", page)) }
        if let opensAt = type.opensAt ?? definition.opensAt {
            members.append(.init("validFrom", .string(opensAt.rfc3339)))
        }
        if let closesAt = type.closesAt ?? definition.closesAt {
            members.append(.init("validThrough", .string(closesAt.rfc3339)))
        }
        return .object(members)
    }

    /// The value of `ItemAvailability` that says the same.
    private static func word(for state: TypeState) -> String {
        switch state {
        case .available: "InStock"
        case .low, .held: "LimitedAvailability"
        case .notStarted: "PreOrder"
        case .soldOut: "SoldOut"
        case .paused: "OutOfStock"
        case .ended, .cancelled: "Discontinued"
        }
    }

    private func text(_ moment: WallTime) -> String {
        zone?.text(ofMoment: moment.milliseconds) ?? moment.rfc3339
    }

    // MARK: For calendars

    /// What the path of an event's calendar file has behind that of its page.
    static let calendarSuffix = ".ics"

    /// The event for people's calendars; `nil` if nobody said when it begins.
    func calendar(at moment: Moment) -> [UInt8]? {
        guard let startsAt = presentation.startsAt else { return nil }
        // A later version must have the same identifier, and another box office another one.
        let host = publicURL.flatMap { $0.split(separator: "/").last } ?? "localhost"
        var calendar = CalendarFile(
            identifier: "\(definition.id)@\(host)", summary: definition.name, startsAt: startsAt.milliseconds,
            writtenAt: moment.wall.milliseconds)
        calendar.endsAt = presentation.endsAt?.milliseconds
        calendar.zone = zone
        let location = [presentation.venue, presentation.address].compactMap { $0 }
        if !location.isEmpty { calendar.location = location.joined(separator: ", ") }
        calendar.description = presentation.description
        calendar.address = publicURL.map { $0 + path } ?? presentation.website
        calendar.isCancelled = event.isCancelled
        return calendar.bytes
    }
}

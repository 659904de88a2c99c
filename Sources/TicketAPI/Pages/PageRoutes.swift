internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// The pages for people, and the files that they load.
///
/// They ask the store as the calls of the API do, so that both refuse the same.
struct PageRoutes: Sendable {
    let context: PageContext
    private var store: any TicketStore { context.store }

    var routes: [Route] {
        [
            // Programs that ask for JSON here get what they always got.
            Route.page("/", (.get, home)),
            Route.page(PageFile.folder + ":file", (.get, file)),
        ] + SalePages(context: context).routes + HoldPages(context: context).routes
            + PurchasePages(context: context).routes
    }

    /// The events on sale.
    @Sendable private func home(_ page: PageRequest) throws -> Response {
        guard page.mayBePage else { throw Refused(.notFound, "There is nothing at this path.") }
        let now = store.now
        let events = store.events.map { EventSummary($0, at: now).values(in: page.language) }
        return context.writer.page("events", ["events": .list(events)], for: page)
    }

    /// A file whose name changes with its bytes.
    @Sendable private func file(_ page: PageRequest) throws -> Response {
        guard let file = Pages.files[page.segment] else { throw Refused(.notFound, "There is no such file.") }
        return Response(
            status: .ok,
            headers: [
                .contentType: file.mediaType, .cacheControl: "public, max-age=31536000, immutable",
                .xContentTypeOptions: "nosniff", .contentSecurityPolicy: "default-src 'none'",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }
}

/// An event in the list of events.
private struct EventSummary {
    let event: EventReading
    let sale: SaleState
    let now: Moment

    init(_ event: EventReading, at now: Moment) {
        self.event = event
        self.now = now
        sale = SaleState(event, at: now)
    }

    func values(in language: Language) -> PageObject {
        let definition = event.definition
        var values: PageObject = [
            "path": .text("/events/\(definition.id)"), "name": .text(definition.name),
            "state": .text(sale.rawValue), "label": .text(Pages.text("state.\(sale.rawValue)", in: language)),
        ]
        if sale == .notStarted, let opens = definition.opensAt { values.set("opens", opens) }
        if sale == .open || sale == .paused, let closes = definition.closesAt { values.set("closes", closes) }
        let prices = definition.types.map(\.price)
        if let lowest = prices.min(), prices.contains(where: { $0 > 0 }) {
            values["from"] = .money(lowest, definition.currency)
        } else {
            values["free"] = true
        }
        return values
    }
}

extension PageObject {
    /// A moment, and beside it as a machine reads it.
    mutating func set(_ name: String, _ moment: WallTime) {
        self[name] = .moment(moment.milliseconds)
        self[name + "_iso"] = .text(moment.rfc3339)
    }
}

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
            Route.page("/", query: ["from"], (.get, home)),
            Route.page(PageFile.folder + ":file", (.get, file)),
            Route.page(ImageFolder.path + ":image", query: ["v"], (.get, image)),
            Route.page("/embed.js", (.get, embedding)),
        ] + SalePages(context: context).routes + HoldPages(context: context).routes
            + PurchasePages(context: context).routes + QueuePages(context: context).routes
    }

    /// Events that the list shows at once.
    private static let most = 100

    /// The events on sale.
    @Sendable private func home(_ page: PageRequest) throws -> Response {
        guard page.mayBePage else { throw Refused(.notFound, "There is nothing at this path.") }
        let now = store.now
        let stretch = ListStretch(store.events, from: page.query["from"], most: Self.most)
        let events = stretch.shown.map { EventSummary($0, at: now).values(in: page.language) }
        let next = PageValue(stretch.next.map(String.init))
        return context.writer.page("events", ["events": .list(events), "next": next], for: page)
    }

    /// A file whose name changes with its bytes.
    @Sendable private func file(_ page: PageRequest) throws -> Response {
        guard let file = Pages.files[page.segment] ?? context.writer.theme.files[page.segment] else {
            throw Refused(.notFound, "There is no such file.")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: file.mediaType, .cacheControl: "public, max-age=31536000, immutable",
                .xContentTypeOptions: "nosniff",
                // An operator's logo may be a document, and must run nothing when somebody opens it by itself.
                .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }

    /// An image of an event, from the operator's folder. It may change, so browsers keep it for an hour.
    @Sendable private func image(_ page: PageRequest) async throws -> Response {
        guard let image = await context.writer.images?.image(named: page.segment) else {
            throw Refused(.notFound, "There is no such image.")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: image.mediaType, .cacheControl: "public, max-age=3600", .xContentTypeOptions: "nosniff",
                .contentSecurityPolicy: "default-src 'none'; sandbox",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: image.bytes)))
    }

    /// The script with which pages of other origins embed a sale. Its address is in their pages, so it has no digest.
    @Sendable private func embedding(_ page: PageRequest) throws -> Response {
        guard !context.writer.embedOrigins.isEmpty else {
            throw Refused(.notFound, "No page may embed a sale of this box office (pages.embed_origins).")
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/javascript; charset=utf-8", .cacheControl: "public, max-age=600",
                // A module of another origin loads only with this.
                .accessControlAllowOrigin: "*", .xContentTypeOptions: "nosniff",
            ],
            body: .init(byteBuffer: ByteBuffer(bytes: Pages.embedScript)))
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
        values.merge(PresentedEvent(event: event, publicURL: nil).whenAndWhere(in: language)) { $1 }
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

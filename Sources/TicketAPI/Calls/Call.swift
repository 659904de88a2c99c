internal import BoxOffice
internal import NIOCore
internal import NIOHTTP1
internal import TicketStore

/// What a request asks for, read once from its head.
///
/// The fast path answers all calls but the last; the router answers that one. Small on purpose, since one is kept with
/// every request that waits.
enum Call {
    /// `GET /remaining_tickets`
    case remaining
    /// `POST /buy_ticket/…` of a product, by its index in `CallReader`.
    case buy(product: Int, key: IdempotencyKey?)
    /// The same with a `Queue-Pass` (Q6 Pass). One that is wrong counts as none.
    indirect case buyQueued(product: Int, key: IdempotencyKey?, Result<QueuePass, WrongPass>)
    /// `POST /complete_purchase/…`
    case complete(HoldID, by: Completer)
    /// A classic call that is refused in the words of the classic API.
    case refused(ClassicRefusal)
    /// A browser asks whether a page on another origin may make a hot call; these methods work there.
    case preflight(methods: StaticString)
    /// A call of v1 that is made often enough.
    case buyer(BuyerRequest)
    case routed(RoutedRequest)

    var isRouted: Bool {
        if case .routed = self { true } else { false }
    }

    /// What is wrong with the pass of a classic call.
    var wrongPass: WrongPass? {
        if case .buyQueued(_, _, .failure(let mistake)) = self { mistake } else { nil }
    }
}

/// Why a classic call is refused before the store is asked.
enum ClassicRefusal {
    case unknownType
    case unknownHold
    case unfitKey
    case overQuota
    case wrongMethod(allowed: StaticString)
    /// With a sentence about the query.
    case wrongQuery(String)
}

/// A request from its head until it is answered.
struct CallRequest {
    let call: Call
    let form: AnswerForm
    /// How its caller stands, if there is a quota and the answer tells about it.
    let standing: CallerQuota.Standing?
    /// Who sent it and to which trace it belongs, if somebody observes requests and it does not follow from the connection.
    var mark: RequestMark?

    init(_ call: Call, _ form: AnswerForm, _ standing: CallerQuota.Standing?) {
        self.call = call
        self.form = form
        self.standing = standing
    }

    /// The head of a request for the router.
    var routedHead: HTTPRequestHead? {
        if case .routed(let request) = call { request.head } else { nil }
    }

    /// The next bytes of the body. A call without one ignores it.
    func take(_ bytes: ByteBuffer) {
        switch call {
        case .buyer(let request):
            switch request.kind {
            case .refused, .refusedPage: return
            case .availability, .queue, .join, .look, .hold, .release, .purchase: request.body.append(bytes)
            }
        case .routed(let request): request.body.append(bytes)
        case .remaining, .buy, .buyQueued, .complete, .refused, .preflight: break
        }
    }
}

/// A call of v1 on the fast path, until it is answered.
final class BuyerRequest {
    enum Kind {
        case availability(Code)
        /// The public document of an event's queue.
        case queue(Code)
        /// A join without a key.
        case join(Code)
        case look(EntryLook)
        case hold(Code, by: Completer)
        /// `nil` if the path's segment cannot be the name of a hold.
        case release(HoldID?, by: Completer)
        case purchase(HoldID?, by: Completer)
        /// The body is not looked into.
        case refused(Refused)
        /// The same for a person in a browser.
        indirect case refusedPage(Refused, of: HTTPRequestHead)
    }

    let kind: Kind
    let fields: BuyerFields
    let target: RequestTarget
    fileprivate(set) var body = ByteBuffer()

    init(_ kind: Kind, _ fields: BuyerFields, _ target: RequestTarget) {
        self.kind = kind
        self.fields = fields
        self.target = target
    }

    /// Gives the body away, since it lies in what the socket was read into.
    func takeBody() -> ByteBuffer {
        let whole = body
        body = ByteBuffer()
        return whole
    }
}

/// A request for the router, which gets it when its last byte is here: a body that breaks, takes too long or grows too
/// large is then refused before anything was done or answered.
final class RoutedRequest {
    enum Kind {
        case stream(StreamRequest)
        /// Too expensive for a client that may have left.
        case recount
        case other
    }

    let kind: Kind
    private(set) var head: HTTPRequestHead
    private(set) var sender = RequestSender(nil, isSecure: false)
    /// When the router got it, if somebody observes requests.
    private(set) var began = NIODeadline.uptimeNanoseconds(0)
    fileprivate(set) var body = ByteBuffer()

    init(_ kind: Kind, _ head: HTTPRequestHead, _ target: RequestTarget) {
        self.kind = kind
        var head = head
        if head.uri != target.text { head.uri = target.text }
        self.head = head
    }

    /// Says who sends the request. For the router, `X-Forwarded-Proto` says whether it came through TLS, and nothing that a
    /// client wrote there does.
    func set(_ sender: RequestSender) {
        self.sender = sender
        head.headers.remove(name: Self.proto)
        if sender.isSecure { head.headers.add(name: Self.proto, value: "https") }
    }

    /// The router gets it now.
    func begin() {
        began = .now()
    }

    private static let proto = "x-forwarded-proto"

    /// HTTP/1.0 knows no chunks, and the answer to HEAD has none.
    var takesChunks: Bool { head.version == .http1_1 && head.method != .HEAD }
}

extension ByteBuffer {
    /// The first bytes are kept where they lie.
    fileprivate mutating func append(_ bytes: ByteBuffer) {
        if readableBytes == 0 {
            self = bytes
        } else {
            writeImmutableBuffer(bytes)
        }
    }
}

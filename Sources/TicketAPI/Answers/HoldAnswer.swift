internal import BoxOffice
internal import NIOCore
internal import TicketStore

/// A positive answer about a hold.
struct HoldAnswer {
    private let hold: HoldView
    private let moment: Moment
    /// It was just made: only then the answer has its token and `Location`.
    let isNew: Bool
    /// The same request was answered before.
    let isReplay: Bool
    private let payment: SeenPayment

    /// - Throws: a refusal or a failure of the store.
    init(_ reply: StoreReply) throws(Refused) {
        switch reply {
        case .failed(let failure): throw Refused(failure)
        case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
        case .decided(.held(let hold, let replayed), let moment):
            self.init(hold, moment, isNew: true, isReplay: replayed)
        case .decided(.extended(let hold, let replayed), let moment): self.init(hold, moment, isReplay: replayed)
        case .decided(.released(let hold, _), let moment): self.init(hold, moment)
        case .decided(.looked(let hold, let payment), let moment): self.init(hold, moment, payment: payment)
        case .decided(.purchased(let hold, let late, let repeated), let moment):
            self.init(hold, moment, isReplay: repeated, payment: late ? .late : [])
        case .decided(.returned, _), .decided(.corrected, _), .decided(.paidBack, _), .decided(.erased, _),
            .decided(.eventChanged, _), .decided(.eventRemoved, _), .decided(.queue, _):
            preconditionFailure("a command gets an outcome of its own kind, not \(reply)")
        }
    }

    private init(
        _ hold: HoldView, _ moment: Moment, isNew: Bool = false, isReplay: Bool = false, payment: SeenPayment = []
    ) {
        self.hold = hold
        self.moment = moment
        self.isNew = isNew
        self.isReplay = isReplay
        self.payment = payment
    }

    var event: UInt32 { hold.event }
    var status: Int { isNew ? 201 : 200 }
    var location: String { String(buffer: .written(writeLocation)) }
    var tag: String { String(buffer: .written(writeTag)) }

    func writeLocation(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("/v1/holds/H")
        buffer.writeDecimal(Int(truncatingIfNeeded: hold.id.number))
    }

    func writeTag(to buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"")
        buffer.writeString(hold.state.rawValue)
        buffer.writeStaticString("-")
        buffer.writeDecimal(Int(hold.expiresAt.milliseconds))
        buffer.writeStaticString("-")
        buffer.writeDecimal(max(0, hold.extensionsRemaining))
        buffer.writeStaticString(payment.contains(.owed) ? "-owed\"" : "\"")
    }

    /// - Parameter catalogue: of the hold's event.
    func writeBody(
        _ catalogue: EventCatalogue, _ mint: TokenMint, _ texts: inout MomentTexts, to buffer: inout ByteBuffer
    ) {
        BuyerDocuments.write(
            hold, of: catalogue, at: moment, tokenFrom: isNew ? mint : nil, payment: payment, &texts, to: &buffer)
    }
}

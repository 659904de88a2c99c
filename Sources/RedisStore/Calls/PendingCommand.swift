package import BoxOffice
package import TicketStore

/// A command that waits on this node, and where its reply goes.
package struct PendingCommand: Sendable {
    /// How often a command may be sent to another event, or lose its claim, before it is refused as overload.
    static let mostMoves: UInt8 = 8

    package let command: Command
    let note: AuditNote?
    package let ticket: UInt64
    let sink: any ReplySink
    var moves: UInt8 = 0
    /// The claim of its payment for its event; only in a cluster.
    package var claim: Claim?
    /// What its payment was used for in another event.
    package var elsewhere = PaymentUse.none
    /// Under which erased payments get their names; only for an erasure.
    var secret: [UInt8] = []
    /// The buyer as a queue keeps it (Q2 Numbers); only for a join or a hold with a pass.
    var buyer: BuyerDigest?
    /// The node, which reports who is there; only for a queue's command.
    var node: UInt64 = 0
    /// It may purchase or return something, or its answer may say that another command did.
    package var isSale: Bool

    package init(command: Command, note: AuditNote? = nil, ticket: UInt64, sink: any ReplySink) {
        self.command = command
        self.note = note
        self.ticket = ticket
        self.sink = sink
        isSale =
            switch command {
            // A number, a turn and a head must not be lost either (Q9 Fails closed).
            case .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase, .queue: true
            case .hold, .extend, .release, .look, .define, .pause, .resume, .cancel, .reinstate, .remove: false
            }
    }

    /// Its payment was claimed for its event.
    mutating func take(_ claim: Claim) {
        self.claim = claim
        elsewhere = claim.owed
    }

    /// The name that must be claimed for one event before anything is decided with it.
    var claimedName: String? {
        switch command {
        case .purchase(_, let payment, _): payment.map { PaymentClaims.name(of: $0) }
        case .payBack(_, let payment): PaymentClaims.name(of: payment)
        case .hold, .extend, .release, .returnPurchase, .returnPart, .correct, .erase, .look, .define, .pause, .resume,
            .cancel,
            .reinstate, .remove, .queue:
            nil
        }
    }
}

/// A claim of a payment: the event that may use it, and the claim's number.
package struct Claim: Sendable, Equatable {
    package var event: EventNumber
    package var number: UInt64
    /// What the payment is owed for in another event, and which event owes it.
    var owed = PaymentUse.none
    var debtor: EventNumber?

    package init(event: EventNumber, number: UInt64) {
        self.event = event
        self.number = number
    }
}

/// A command whose payment must be claimed for an event first.
package struct ClaimRequest: Sendable {
    package var command: PendingCommand
    package let name: String
    package let event: EventNumber
}

extension Command {
    /// The hold that the command is about.
    var hold: HoldID? {
        switch self {
        case .extend(let id, _), .release(let id), .purchase(let id, _, _), .returnPurchase(let id),
            .returnPart(let id, _), .correct(let id, _), .payBack(let id, _), .look(let id):
            id
        case .erase(let request): request.hold
        case .hold, .define, .pause, .resume, .cancel, .reinstate, .remove, .queue: nil
        }
    }

    /// The event that an operator changes.
    var changedEvent: Code? {
        switch self {
        case .define(let definition, _, _): definition.id
        case .pause(let code), .resume(let code), .cancel(let code), .reinstate(let code), .remove(let code, _): code
        case .hold, .extend, .release, .purchase, .returnPurchase, .returnPart, .correct, .payBack, .erase, .look,
            .queue:
            nil
        }
    }
}

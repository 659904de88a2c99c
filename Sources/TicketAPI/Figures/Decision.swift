internal import BoxOffice
internal import TicketStore

/// What kind of command was decided, as the figures count it.
package enum DecisionKind: UInt8, CaseIterable, Sendable {
    case hold, extend, release, purchase, look, giveBack
    /// An operator's change: of an event, of a debt, of what is kept about a person.
    case change

    /// For programs; never changes.
    package var label: String { self == .giveBack ? "return" : "\(self)" }

    /// What became of such a command that did what was asked for; for programs, never changes.
    var doneLabel: String {
        switch self {
        case .hold: "held"
        case .extend: "extended"
        case .release: "released"
        case .purchase: "purchased"
        case .look: "seen"
        case .giveBack: "returned"
        case .change: "changed"
        }
    }

    init(_ command: Command) {
        switch command {
        case .hold: self = .hold
        case .extend: self = .extend
        case .release: self = .release
        case .purchase: self = .purchase
        case .look: self = .look
        case .returnPurchase, .returnPart: self = .giveBack
        default: self = .change
        }
    }
}

/// What became of a command, as the figures count it.
package struct DecisionResult: Hashable, Sendable {
    /// What was asked for was done.
    package static let done = DecisionResult(number: 0)
    /// It was done before.
    package static let repeated = DecisionResult(number: 1)
    /// A purchase that won its places back (R9 Late payment).
    package static let late = DecisionResult(number: 2)
    /// How many there are.
    static let count = 3 + Problem.allCases.count

    let number: Int

    init(number: Int) {
        self.number = number
    }

    init(_ problem: Problem) {
        number = 3 + Int(problem.rawValue)
    }

    init(_ reply: StoreReply) {
        switch reply {
        case .decided(.refused(let refusal), _): self.init(Problem(refusal))
        case .decided(.held(_, replayed: true), _), .decided(.extended(_, replayed: true), _),
            .decided(.released(_, repeated: true), _), .decided(.purchased(_, _, repeated: true), _),
            .decided(.returned(_, repeated: true), _):
            self = .repeated
        case .decided(.purchased(_, late: true, _), _): self = .late
        case .decided: self = .done
        case .failed(let failure): self.init(Problem(failure))
        }
    }

    /// `nil` if it was not a refusal.
    package var problem: Problem? {
        number < 3 ? nil : Problem(rawValue: UInt8(number - 3))
    }

    /// For programs; never changes.
    package func label(of kind: DecisionKind) -> String {
        switch self {
        case .done: kind.doneLabel
        case .repeated: "repeated"
        case .late: "late"
        default: problem?.code.replacing("-", with: "_") ?? ""
        }
    }
}

/// How a decision names its event.
enum DecidedEvent {
    /// By the index that the store has for it.
    case index(UInt32)
    case code(Code)
    /// A refusal about a hold: which event the hold is of, only the store could say.
    case unknown

    /// The event that a reply names; otherwise that of the request.
    init(_ reply: StoreReply, asked: Code?) {
        switch reply {
        case .decided(.held(let hold, _), _), .decided(.extended(let hold, _), _), .decided(.released(let hold, _), _),
            .decided(.purchased(let hold, _, _), _), .decided(.returned(let hold, _), _),
            .decided(.looked(let hold, _), _):
            self = .index(hold.event)
        case .decided(.eventChanged(let code, _), _), .decided(.eventRemoved(let code), _): self = .code(code)
        default: self = asked.map(Self.code) ?? .unknown
        }
    }
}

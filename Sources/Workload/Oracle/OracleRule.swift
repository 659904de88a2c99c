/// The rules that the oracle judges by, as `docs/rules.md` numbers and names them.
enum OracleRule: String {
    case conservation = "R1 Conservation"
    case neverTwice = "R2 Never twice, never lost"
    case oneDecision = "R3 One decision per hold"
    case deadline = "R6 Deadline"
    case purchaseOnce = "R8 Purchase once"
    case latePayment = "R9 Late payment"
    case onePayment = "R10 One payment, one hold"
    case releaseOnce = "R12 Release once"
    case `extension` = "R13 Extension"
    case returnOnce = "R14 Return once"
    case keys = "R15 Idempotency keys"
    case refusals = "R17 Refusals are answers"
    case bounds = "R21 Bounds"
    case minimum = "R22 Minimum quantity"
    case debts = "R23 Debts"
    case checkout = "R55 Checkout"
    case whoCompletes = "R24 Who completes"
    case buyerLimits = "R25 Buyer limits"
    case cancelled = "R42 Cancelled event"
    case override = "R43 Override"
    case typeTerms = "R44 Terms of a type"
    case erasure = "R41 Erasure"
    case endedHolds = "R31 Ended holds"
    case allocations = "R45 Allocations"
    case codes = "R46 Access codes"
    case partialReturn = "R39 Partial return"
    case corrections = "R40 Corrections"
    case sellers = "R48 Operator keys"
    case phases = "Q1 Phases"
    case numbers = "Q2 Numbers"
    case draw = "Q3 Draw"
    case head = "Q4 Head"
    case turn = "Q5 Turn"
    case pass = "Q6 Pass"
    case admission = "Q7 Admission"
    case oneAnswer = "S5 One answer"
}

extension Asked {
    /// The rule that says which answers it can have; `nil` for a look, which changes nothing.
    var rule: OracleRule? {
        switch self {
        case .hold: .oneDecision
        case .extend: .extension
        case .release: .releaseOnce
        case .purchase: .purchaseOnce
        case .returnPurchase: .returnOnce
        case .returnPart: .partialReturn
        case .correct: .corrections
        case .payBack: .debts
        case .erase: .erasure
        case .look: nil
        }
    }
}

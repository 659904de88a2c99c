package import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// A refusal on its way to the answer, with the members and headers of its case.
package struct Refused: Error {
    let problem: Problem
    var detail: String?
    var retryAfter: Duration?
    var headers: HTTPFields = [:]
    var more: @Sendable (inout JSONWriter) -> Void = { _ in }
    /// ``more`` contains numbers of places.
    private(set) var tellsPlaces = false

    /// - Parameter allowed: the methods that work, with commas.
    static func wrongMethod(_ method: String, allowed: String) -> Refused {
        var refused = Refused(.methodNotAllowed, "\(method) does not work here.")
        refused.headers[.allow] = allowed
        return refused
    }

    init(_ problem: Problem, _ detail: String? = nil) {
        self.problem = problem
        self.detail = detail
    }

    /// Everything that is wrong with a request.
    static func invalid(_ mistakes: [Mistake]) -> Refused {
        var refused = Refused(.invalid)
        refused.detail = "\(mistakes.count == 1 ? "One thing is" : "\(mistakes.count) things are") wrong."
        refused.more = { writer in
            writer.member("errors") { writer in
                writer.array { writer in
                    for mistake in mistakes { writer.mistake(mistake) }
                }
            }
        }
        return refused
    }

    /// Leaves out numbers of places, for an event that does not disclose them (R27 Disclosure).
    mutating func hidePlaces() {
        guard tellsPlaces else { return }
        more = { _ in }
        tellsPlaces = false
    }

    /// The request has no valid credential.
    static func unauthenticated(_ detail: String? = nil) -> Refused {
        var refused = Refused(.unauthenticated, detail)
        refused.headers[.wwwAuthenticate] = "Bearer"
        return refused
    }

    /// A refusal by the rules.
    init(_ refusal: Refusal, at moment: Moment) {
        self.init(Problem(refusal))
        switch refusal {
        case .invalid(let mistakes): self = .invalid(mistakes)
        case .queue(let refusal): self.init(refusal, at: moment)
        case .unknownTicketType(let code): detail = "There is no ticket type \(code)."
        case .unknownAllocation(let code): detail = "No pool of the type keeps places back under \(code)."
        case .saleNotStarted(let opensAt), .codeNotValidYet(let opensAt):
            if case .codeNotValidYet = refusal { detail = "The access code is not good yet." }
            more = { $0.member("opens_at", opensAt) }
            retryAfter = Self.wait(for: opensAt, at: moment.wall, chance: .random(in: 0..<1))
        case .codeNotForType(let type):
            detail = "The access code is not good for \(type)."
            more = { $0.member("ticket_type", type.text) }
        case .typeSaleNotStarted(let type, let opensAt):
            detail = "The sale of \(type) has not started."
            more = { writer in
                writer.member("ticket_type", type.whole.text)
                writer.member("opens_at", opensAt)
            }
            retryAfter = Self.wait(for: opensAt, at: moment.wall, chance: .random(in: 0..<1))
        case .typeSaleEnded(let type, let closedAt):
            detail = "The sale of \(type) has ended."
            more = { writer in
                writer.member("ticket_type", type.text)
                writer.member("closed_at", closedAt)
            }
        case .typeLimitReached(let type, let remaining):
            detail = "The buyer has reached the limit of \(type)."
            more = { writer in
                writer.member("ticket_type", type.text)
                writer.member("remaining", remaining)
            }
        case .saleEnded(let closedAt), .codeNoLongerValid(let closedAt):
            if case .codeNoLongerValid = refusal { detail = "The access code is not good any more." }
            more = { $0.member("closed_at", closedAt) }
        case .buyerLimitReached(let remaining), .codeUsedUp(let remaining): more = { $0.member("remaining", remaining) }
        case .insufficientQuantity(let available):
            more = { $0.member("available", available) }
            tellsPlaces = true
        case .returnTooLarge(let type, let remaining):
            detail = "The purchase has \(remaining) of type \(type) left."
            more = { writer in
                writer.member("ticket_type", type.whole.text)
                if let allocation = type.allocation { writer.member("allocation", allocation.text) }
                writer.member("remaining", remaining)
            }
        case .extensionDenied(let limit): more = { $0.member("max_extensions", limit) }
        case .holdExpired(let refundRequired), .holdReleased(let refundRequired),
            .eventCancelled(let refundRequired),
            .purchaseReturned(let refundRequired), .paymentConflict(let refundRequired):
            more = { $0.member("refund_required", refundRequired) }
        case .completedByShop: detail = "The shop completes the holds of this event, with its key."
        case .temporarilyHeld(let earliest):
            // Soon enough to win, and spread so that not all callers come at once.
            let until = min(max(earliest.since(moment.office).inMilliseconds, 500), 10_000)
            retryAfter = .milliseconds(Int64.random(in: until / 2...until))
        default: break
        }
    }

    /// How long a caller waits that asked before a sale opens at `opensAt` (R17 Refusals are answers): longer than until that
    /// moment, since otherwise all callers would come in it, and not much longer than an hour, since an operator may open
    /// the sale earlier.
    ///
    /// - Parameter chance: from 0 to 1, where in the spread this caller comes.
    package static func wait(for opensAt: WallTime, at now: WallTime, chance: Double) -> Duration {
        let wait = min(max(0, opensAt.milliseconds - now.milliseconds), longestWait)
        return .milliseconds(wait + Int64(chance * Double(max(leastSpread, wait / 10))))
    }

    private static let longestWait: Int64 = 3_600_000
    private static let leastSpread: Int64 = 2_000

    /// A failure of the store; refused callers come back spread over some seconds.
    init(_ failure: StoreFailure) {
        self.init(Problem(failure))
        retryAfter = .milliseconds(Int.random(in: 500...3_000))
    }

    /// The quota is used up (R26 Quota).
    init(_ standing: CallerQuota.Standing) {
        self.init(.quotaExceeded)
        retryAfter = .milliseconds(max(1, standing.retryAfter.inMilliseconds + 1))
    }

    /// The document (RFC 9457).
    func document(traceID: String?, instance: String?) -> [UInt8] {
        problem.document(
            detail: detail, instance: instance.map(Self.masked), retryAfter: retryAfter, traceID: traceID, more: more)
    }

    /// The path with `***` in place of what may be a token or a key, which a client may have put in the wrong place and
    /// must not find in its logs (R20 Tokens).
    static func masked(_ path: String) -> String {
        var masked = ""
        var rest = path[...]
        while !rest.isEmpty {
            let run = rest.prefix(while: \.isOfToken)
            masked += run.utf8.count < TokenMint.length ? run : "***"
            rest = rest[run.endIndex...]
            masked += rest.prefix(1)
            rest = rest.dropFirst()
        }
        return masked
    }

    /// `Retry-After` in whole seconds.
    var retryAfterSeconds: Int64? {
        retryAfter.map { max(1, $0.components.seconds + 1) }
    }

    /// The answer of the router.
    func response(traceID: String?, instance: String? = nil) -> Response {
        var response = json(.init(code: problem.status), document(traceID: traceID, instance: instance))
        response.headers[.contentType] = "application/problem+json"
        for field in headers { response.headers[field.name] = field.value }
        if let retryAfterSeconds { response.headers[.retryAfter] = String(retryAfterSeconds) }
        return response
    }
}

extension Character {
    /// Whether it occurs in tokens and keys.
    fileprivate var isOfToken: Bool {
        isASCII && (isLetter || isNumber || self == "-" || self == "_")
    }
}

extension JSONWriter {
    /// A mistake or a warning.
    mutating func mistake(_ mistake: Mistake) {
        object { writer in
            writer.member("pointer", mistake.pointer)
            writer.member("detail", mistake.what)
        }
    }
}

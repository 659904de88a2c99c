internal import BoxOffice
internal import TicketStore

/// What the three classic calls answer, as bodies of JSON.
struct ClassicAnswers {
    /// A status, a body, and header lines beyond the usual.
    struct Answer {
        var status: Int
        var body: [UInt8]
        var fields = ""
    }

    let mint: TokenMint
    let statuses: ServiceConfiguration.ClassicStatus

    /// `{"success": true, "process": "success", "token": …, "expires_at": …, "expires_in_ms": …}`
    func held(_ hold: HoldView, at moment: Moment) -> Answer {
        var body = [UInt8]()
        body.reserveCapacity(192)
        body += Self.heldStart
        mint.append(hold.id, to: &body)
        body += Self.heldExpiry
        moment.wallTime(of: hold.expiresAt).appendRFC3339(to: &body)
        body += Self.heldRemaining
        JSONWriter.append(max(0, hold.expiresAt.milliseconds - moment.office.milliseconds), to: &body)
        body.append(UInt8(ascii: "}"))
        return Answer(status: 200, body: body)
    }

    private static let heldStart = Array(#"{"success":true,"process":"success","token":""#.utf8)
    private static let heldExpiry = Array(#"","expires_at":""#.utf8)
    private static let heldRemaining = Array(#"","expires_in_ms":"#.utf8)

    /// `{"success": true, "purchase": …}`; the same for a repeat.
    func purchased(_ hold: HoldView) -> Answer {
        var body = Self.purchasedStart
        JSONWriter.append(hold.id.number, to: &body)
        body += Self.purchasedEnd
        return Answer(status: 200, body: body)
    }

    private static let purchasedStart = Array(#"{"success":true,"purchase":"P"#.utf8)
    private static let purchasedEnd = Array(#""}"#.utf8)

    /// `{"num_tickets": N, "types": {"GA": n, …}}`
    static func remaining(_ availability: Availability) -> [UInt8] {
        var writer = JSONWriter(reserving: 128)
        writer.object { writer in
            writer.member("num_tickets", availability.free)
            writer.member("types") { writer in
                writer.object { writer in
                    for type in availability.types { writer.member(type.code.text, type.free) }
                }
            }
        }
        return writer.bytes
    }

    /// `{"success": false, "errorMessage": …, "code": …}`
    func refused(_ problem: Problem, fields: String = "") -> Answer {
        var writer = JSONWriter(reserving: 128)
        writer.object { writer in
            writer.member("success", false)
            writer.member("errorMessage", "\(problem.title)")
            writer.member("code", "\(problem.code)")
        }
        // The old clients know 403 as "no"; that nothing can be answered now is no refusal.
        let isRefusal = (400..<500).contains(problem.status) && problem.status != 405
        let status = statuses == .forbidden && isRefusal ? 403 : problem.status
        return Answer(status: status, body: writer.bytes, fields: fields)
    }

    /// What a store's reply to a classic call comes to.
    ///
    /// - Parameter jitter: 0 to 1, spreads the retries of those who are sent away.
    func answer(_ reply: StoreReply, jitter: Double) -> Answer {
        switch reply {
        case .decided(.held(let hold, _), let moment): held(hold, at: moment)
        case .decided(.purchased(let hold, _, _), _): purchased(hold)
        case .decided(.refused(let refusal), _): refused(Problem(refusal))
        case .decided: refused(.internalError)
        case .failed(let failure):
            refused(Problem(failure), fields: "retry-after: \(1 + Int(jitter * 3))\r\n")
        }
    }
}

internal import BoxOffice
internal import HTTPTypes
internal import NIOCore
internal import StrictJSON
internal import TicketStore

/// Writes the answers to the three classic calls.
///
/// An answer goes straight into the connection's buffer: its length is known before its first byte.
struct ClassicAnswers {
    private struct CachedRefusal: Hashable {
        var problem: Problem
        /// In seconds; 0 for none.
        var retryAfter: Int
        var form: AnswerForm
    }

    let mint: TokenMint
    let statuses: ServiceConfiguration.ClassicStatus
    private var bytes: HTTPBytes
    /// Refusals of this second: they come in storms and are all alike.
    private var refusals: [CachedRefusal: ByteBuffer] = [:]
    private var availability: (version: UInt64, body: [UInt8])?
    private var moment = MomentText()

    init(mint: TokenMint, statuses: ServiceConfiguration.ClassicStatus, origins: SharedOrigins?) {
        bytes = HTTPBytes(origins)
        self.mint = mint
        self.statuses = statuses
    }

    /// The `Date` of answers.
    var date: [UInt8] { bytes.date }

    mutating func setDate(_ date: [UInt8]) {
        bytes.setDate(date)
        refusals.removeAll(keepingCapacity: true)
    }

    /// Writes the answer that a store's reply to a classic call leads to.
    ///
    /// - Parameter jitter: 0 to 1, spreads the retries of refused callers.
    mutating func write(
        _ reply: StoreReply, _ form: AnswerForm, jitter: @autoclosure () -> Double, to buffer: inout ByteBuffer
    ) {
        switch reply {
        case .decided(.held(let hold, let isReplay), let moment):
            writeHeld(hold, isReplay: isReplay, at: moment, form, to: &buffer)
        case .decided(.purchased(let hold, _, _), _): writePurchased(hold, form, to: &buffer)
        case .decided(.refused(.saleNotStarted(let opensAt)), let moment),
            .decided(.refused(.typeSaleNotStarted(_, let opensAt)), let moment):
            let wait = Refused.wait(for: opensAt, at: moment.wall, chance: jitter())
            writeRefusal(.saleNotStarted, retryAfter: Int(wait.components.seconds) + 1, form, to: &buffer)
        case .decided(.refused(let refusal), _): writeRefusal(Problem(refusal), form, to: &buffer)
        case .decided: writeRefusal(.internalError, form, to: &buffer)
        case .failed(let failure):
            let seconds = 1 + Int(jitter() * 3)
            writeRefusal(Problem(failure), fields: "retry-after: \(seconds)\r\n", form, to: &buffer)
        }
    }

    /// `{"success": true, "process": "success", "token": …, "expires_at": …, "expires_in_ms": …}`
    private mutating func writeHeld(
        _ hold: HoldView, isReplay: Bool, at moment: Moment, _ form: AnswerForm, to buffer: inout ByteBuffer
    ) {
        let isHeld = hold.state == .held
        let remaining = isHeld ? Int(max(0, hold.expiresAt.milliseconds - moment.office.milliseconds)) : 0
        let length =
            Self.heldStart.utf8CodeUnitCount + TokenMint.length + Self.heldUntil.utf8CodeUnitCount + MomentText.length
            + Self.heldFor.utf8CodeUnitCount + ByteBuffer.digits(of: remaining) + 1
        bytes.writeHead(200, length: length, form: form, to: &buffer) { buffer in
            if isReplay { buffer.writeStaticString("idempotency-replayed: true\r\n") }
        }
        guard !form.isHead else { return }
        buffer.writeStaticString(Self.heldStart)
        mint.write(hold.id, to: &buffer)
        buffer.writeStaticString(Self.heldUntil)
        self.moment.write(moment.wallTime(of: hold.expiresAt), to: &buffer)
        buffer.writeStaticString(Self.heldFor)
        buffer.writeDecimal(remaining)
        buffer.writeStaticString("}")
    }

    private static let heldStart: StaticString = #"{"success":true,"process":"success","token":""#
    private static let heldUntil: StaticString = #"","expires_at":""#
    private static let heldFor: StaticString = #"","expires_in_ms":"#

    /// `{"success": true, "purchase": …}`; the same for a repeat.
    private mutating func writePurchased(_ hold: HoldView, _ form: AnswerForm, to buffer: inout ByteBuffer) {
        let number = Int(truncatingIfNeeded: hold.id.number)
        let length =
            Self.purchasedStart.utf8CodeUnitCount + ByteBuffer.digits(of: number) + Self.purchasedEnd.utf8CodeUnitCount
        bytes.writeHead(200, length: length, form: form, to: &buffer)
        guard !form.isHead else { return }
        buffer.writeStaticString(Self.purchasedStart)
        buffer.writeDecimal(number)
        buffer.writeStaticString(Self.purchasedEnd)
    }

    private static let purchasedStart: StaticString = #"{"success":true,"purchase":"P"#
    private static let purchasedEnd: StaticString = #""}"#

    /// `{"num_tickets": N, "types": {"GA": n, …}}`, made anew only when a number has changed.
    mutating func writeRemaining(
        _ event: Code, of store: any TicketStore, _ form: AnswerForm, to buffer: inout ByteBuffer
    ) {
        switch store.availability(of: event, unless: availability?.version) {
        case .unchanged: break
        case .unknownEvent: return writeRefusal(.unknownEvent, form, to: &buffer)
        case .current(let current, _):
            let counts = store.event(event)?.definition.disclosure == .counts
            availability = (current.version, Self.remaining(current, counts: counts))
        }
        guard let body = availability?.body else { return writeRefusal(.internalError, form, to: &buffer) }
        bytes.writeHead(200, length: body.count, form: form, to: &buffer)
        if !form.isHead { buffer.writeBytes(body) }
    }

    /// - Parameter counts: whether the numbers are disclosed. If not, 1 stands for any number above 0, since these calls
    ///   know nothing but numbers (R27 Disclosure).
    private static func remaining(_ availability: Availability, counts: Bool) -> [UInt8] {
        func told(_ free: Int) -> Int { counts ? free : min(free, 1) }
        var writer = JSONWriter(reserving: 128)
        writer.object { writer in
            writer.member("num_tickets", told(availability.free))
            writer.member("types") { writer in
                writer.object { writer in
                    for type in availability.types { writer.member(type.code.text, told(type.free)) }
                }
            }
        }
        return writer.bytes
    }

    /// `{"success": false, "errorMessage": …, "code": …}`
    ///
    /// - Parameters:
    ///   - detail: a sentence that replaces the problem's title.
    ///   - retryAfter: in seconds; 0 for none. Answers are kept for a second, one for each value.
    mutating func writeRefusal(
        _ problem: Problem, detail: String? = nil, retryAfter: Int = 0, fields: String = "", _ form: AnswerForm,
        to buffer: inout ByteBuffer
    ) {
        let key = CachedRefusal(problem: problem, retryAfter: retryAfter, form: form)
        let isAlike = fields.isEmpty && detail == nil
        if isAlike, let known = refusals[key] {
            buffer.writeImmutableBuffer(known)
            return
        }
        let body = Self.body(of: problem, detail)
        var answer = ByteBuffer()
        let status = Self.status(of: problem, statuses)
        bytes.writeHead(status, length: body.count, form: form, to: &answer) { answer in
            if retryAfter > 0 { answer.writeString("retry-after: \(retryAfter)\r\n") }
            answer.writeString(fields)
        }
        if !form.isHead { answer.writeBytes(body) }
        buffer.writeImmutableBuffer(answer)
        if isAlike { refusals[key] = answer }
    }

    static func body(of problem: Problem, _ detail: String?) -> [UInt8] {
        var writer = JSONWriter(reserving: 128)
        writer.object { writer in
            writer.member("success", false)
            writer.member("errorMessage", detail ?? problem.title)
            writer.member("code", problem.code)
        }
        return writer.bytes
    }

    static func status(of problem: Problem, _ statuses: ServiceConfiguration.ClassicStatus) -> Int {
        // Old clients take 403 for "no". An answer that nothing can be decided now is not a refusal.
        let isRefusal = (400..<500).contains(problem.status) && problem.status != 405 && problem.status != 429
        return statuses == .forbidden && isRefusal ? 403 : problem.status
    }

    /// Writes the answer to a page on another origin that may make a request with one of these methods.
    ///
    /// - Parameter fields: header lines, each ended with CR LF.
    mutating func writePreflight(_ fields: String, _ form: AnswerForm, to buffer: inout ByteBuffer) {
        // Without a length: no answer of this status has a body (RFC 9110, 15.3.5).
        buffer.writeStaticString("HTTP/1.1 204 No Content\r\ndate: ")
        buffer.writeBytes(bytes.date)
        buffer.writeStaticString("\r\n")
        buffer.writeString(fields)
        bytes.writeEnd(form, to: &buffer)
    }

    /// A problem, for a request that could not be read or not be accepted.
    mutating func writeProblem(_ refused: Refused, to buffer: inout ByteBuffer) {
        let body = refused.document(traceID: nil, instance: nil)
        bytes.writeHead(refused.problem.status, .problem, length: body.count, form: .last, to: &buffer) { buffer in
            for field in refused.headers { buffer.writeString("\(field.name.rawName): \(field.value)\r\n") }
            if let seconds = refused.retryAfterSeconds { buffer.writeString("retry-after: \(seconds)\r\n") }
        }
        buffer.writeBytes(body)
    }
}

/// Writes moments, and computes the day only once a second.
struct MomentText {
    /// `2026-11-24T05:44:59.123Z`
    static let length = 24
    private var second: Int64 = .min
    private var text: [UInt8] = []

    mutating func write(_ moment: WallTime, to buffer: inout ByteBuffer) {
        let (second, part) = moment.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        if second != self.second || part < 0 {
            self.second = second
            text.removeAll(keepingCapacity: true)
            moment.appendRFC3339(to: &text)
        } else {
            text[20] = UInt8(ascii: "0") + UInt8(part / 100)
            text[21] = UInt8(ascii: "0") + UInt8(part / 10 % 10)
            text[22] = UInt8(ascii: "0") + UInt8(part % 10)
        }
        buffer.writeBytes(text)
    }
}

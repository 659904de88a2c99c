import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// The signed address of a shop's page (R55 Checkout). docs/pages.md shows the same example.
@Suite("Browsers carry to the shop what nobody can change")
struct CheckoutLinkTests {
    private static func payment() throws -> CheckoutPayment {
        CheckoutPayment(
            hold: HoldID(7), event: try #require(Code("main")), amount: 17_800, currency: "EUR", language: "en",
            expiresAt: WallTime(milliseconds: 1_795_499_099_000))
    }

    private static let query =
        "hold=H7&event=main&amount=17800&currency=EUR&language=en&expires_at=2026-11-24T05%3A44%3A59.000Z"
        + "&return_url=https%3A%2F%2Ftickets.example%2Fholds%2FH7%3Fpayment%3Dsent"
        + "&cancel_url=https%3A%2F%2Ftickets.example%2Fholds%2FH7%3Fpayment%3Dnone"

    // python3 -c 'import hmac; print(hmac.new(b"s" * 32, QUERY, "sha256").hexdigest())'
    private static let signature = "957874806dad2aa35b021bedfc1d931ef63ab986e6361423e480ca758e63f230"

    @Test("The query has all that the shop needs, and its signature is the one that Python computes")
    func knownAnswer() throws {
        let signer = CheckoutSigner(
            secret: Array(repeating: UInt8(ascii: "s"), count: 32), publicURL: "https://tickets.example")
        #expect(
            signer.sign(try Self.payment(), at: "https://pay.example/start")
                == "https://pay.example/start?\(Self.query)&signature=\(Self.signature)")
    }

    @Test("Another amount, hold or secret has another signature")
    func forged() throws {
        func signature(_ secret: UInt8 = 1, _ change: (inout CheckoutPayment) -> Void = { _ in }) throws -> Substring? {
            var payment = try Self.payment()
            change(&payment)
            let signer = CheckoutSigner(
                secret: Array(repeating: secret, count: 32), publicURL: "https://tickets.example")
            return signer.sign(payment, at: "https://pay.example").split(separator: "&signature=").last
        }
        let right = try signature()
        #expect(try signature() == right)
        #expect(try signature(2) != right)
        #expect(try signature { $0.amount = 1 } != right)
        #expect(try signature { $0.hold = HoldID(8) } != right)
        #expect(try signature { $0.currency = "JPY" } != right)
    }
}

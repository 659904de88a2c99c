public import BoxOffice
internal import Cryptography
internal import TicketStore

/// Signs the addresses at which browsers pay at a shop's page, with the secret that the service shares with it
/// (R55 Checkout).
package struct CheckoutSigner: Sendable {
    private let secret: [UInt8]
    /// The origin of our own pages, to which buyers come back.
    private let publicURL: String

    /// - Returns: `nil` if the service has no secret, or does not know where browsers reach it.
    init?(_ configuration: ServiceConfiguration) {
        guard let secret = configuration.checkoutSecret, let publicURL = configuration.publicURL else { return nil }
        self.init(secret: secret, publicURL: publicURL)
    }

    package init(secret: [UInt8], publicURL: String) {
        self.secret = secret
        self.publicURL = publicURL
    }

    /// The address with all that the shop needs in its query. What is signed is the query as it is sent, up to
    /// `&signature=`, so nobody has to build the same text again.
    ///
    /// - Parameter address: that of the event's checkout.
    package func sign(_ payment: CheckoutPayment, at address: String) -> String {
        let home = "\(publicURL)/holds/\(payment.hold.public)?\(CheckoutReturn.member)="
        let members = [
            ("hold", payment.hold.public), ("event", payment.event.text), ("amount", String(payment.amount)),
            ("currency", payment.currency), ("language", payment.language),
            ("expires_at", payment.expiresAt.rfc3339),
            ("return_url", home + CheckoutReturn.sent.rawValue), ("cancel_url", home + CheckoutReturn.none.rawValue),
        ]
        let query = members.map { "\($0.0)=\($0.1.percentEncoded)" }.joined(separator: "&")
        let code = SHA256.authenticationCode(for: Array(query.utf8), key: secret)
        return "\(address)?\(query)&signature=\(Self.hexadecimal(code))"
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// What is to be paid for, as the shop's page reads it.
package struct CheckoutPayment {
    package var hold: HoldID
    package var event: Code
    /// Minor units.
    package var amount: Int64
    package var currency: String
    package var language: String
    /// The end of the hold as its buyer sees it. A payment that arrives later may win the same places back (R9 Late payment).
    package var expiresAt: WallTime

    package init(hold: HoldID, event: Code, amount: Int64, currency: String, language: String, expiresAt: WallTime) {
        self.hold = hold
        self.event = event
        self.amount = amount
        self.currency = currency
        self.language = language
        self.expiresAt = expiresAt
    }
}

/// What the shop's page says of the payment when it sends the buyer back. It is a hint for the words of the page and proves
/// nothing: what is true of the hold, the store knows.
enum CheckoutReturn: String {
    case sent, none

    /// The member of the query.
    static let member = "payment"
}

extension EventDefinition {
    /// What the checkout of the definition needs of the service's settings, and the service does not have.
    public func mistakes(publicURL: String?, checkoutSecret: [UInt8]?) -> [Mistake] {
        guard checkout?.address != nil else { return [] }
        return Self.mistakesOfAddress(publicURL: publicURL, checkoutSecret: checkoutSecret)
    }

    /// The same for any definition that has an address.
    static func mistakesOfAddress(publicURL: String?, checkoutSecret: [UInt8]?) -> [Mistake] {
        (checkoutSecret == nil ? [.checkoutNeedsSecret] : []) + (publicURL == nil ? [.checkoutNeedsPublicURL] : [])
    }
}

extension Mistake {
    package static let checkoutNeedsSecret = Mistake(
        "/checkout/url", "needs the setting checkout.secret_file of the service, which signs what browsers carry there")
    package static let checkoutNeedsPublicURL = Mistake(
        "/checkout/url", "needs the setting public_url of the service, to which buyers come back")
}

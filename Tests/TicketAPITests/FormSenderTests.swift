import Testing
import TicketAPI

/// R53 Pages.
@Suite("Whose page sends a form")
struct FormSenderTests {
    private static let ours = "tickets.example:8443"

    @Test(
        "A form of another site's page is forged, also one that hides whose it is",
        arguments: [
            // `Sec-Fetch-Site` decides where there is one.
            ("same-origin", nil, false), ("none", nil, false), ("cross-site", nil, true), ("same-site", nil, true),
            ("cross-site", "https://tickets.example:8443", true), ("same-origin", "https://elsewhere.example", false),
            // Then the origin does.
            (nil, "https://tickets.example:8443", false), (nil, "http://tickets.example:8443", false),
            (nil, "https://public.example", false), (nil, "https://elsewhere.example", true),
            (nil, "https://tickets.example", true), (nil, "https://x-tickets.example:8443", true), (nil, "null", true),
            (nil, "", true),
            // A program sends neither.
            (nil, nil, false),
        ] as [(String?, String?, Bool)])
    func forged(site: String?, origin: String?, isForged: Bool) {
        let sender = FormSender(site: site, origin: origin, authority: Self.ours)
        #expect(sender.isForged(publicURL: "https://public.example") == isForged)
    }

    @Test("Without a public address only pages at the address that the browser asks are ours")
    func noPublicURL() {
        let elsewhere = FormSender(site: nil, origin: "https://public.example", authority: Self.ours)
        #expect(elsewhere.isForged(publicURL: nil))
        #expect(!FormSender(site: nil, origin: "https://\(Self.ours)", authority: Self.ours).isForged(publicURL: nil))
    }
}

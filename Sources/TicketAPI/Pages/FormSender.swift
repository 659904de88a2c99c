/// What a browser says about the page that sends a form (R53 Pages).
package struct FormSender: Sendable {
    /// `Sec-Fetch-Site`, which browsers send where the connection is secure.
    private let site: String?
    /// `Origin`
    private let origin: String?
    /// Host and port that the browser asks.
    private let authority: String?

    package init(site: String?, origin: String?, authority: String?) {
        self.site = site
        self.origin = origin
        self.authority = authority
    }

    /// Whether another site's page made the browser send the form. A program that sends neither member acts for nobody else.
    /// Our own pages have a `Referrer-Policy` with which browsers name their origin, so `null` is another site that hides.
    ///
    /// - Parameter publicURL: the origin of our own pages, if it is known.
    package func isForged(publicURL: String?) -> Bool {
        if let site { return site != "same-origin" && site != "none" }
        guard let origin else { return false }
        return origin == "null" || origin != publicURL && Self.authority(of: origin) != authority
    }

    /// Whether a page at the address that the browser asks sends the form, as far as `Origin` tells.
    var isOfSameAuthority: Bool {
        origin.map { Self.authority(of: $0) == authority } ?? true
    }

    private static func authority(of origin: String) -> String? {
        origin.split(separator: "/").last.map(String.init)
    }
}

/// What an operator gives the pages of their own: a name, a logo, an accent colour, and links that the law may ask for.
package struct PageTheme: Sendable {
    /// Why a theme is none.
    package enum Mistake: Error, Equatable {
        /// The accent is not a colour as in `#0b5cad`.
        case noColour
        /// The logo has more than ``PageTheme/logoBytes``.
        case largeLogo
        /// The logo is neither an SVG nor a PNG image.
        case strangeLogo
    }

    /// An accent that was changed because it could not be read.
    package struct Adjustment: Sendable, Equatable {
        /// `light` or `dark`.
        package let scheme: String
        package let given: String
        package let shown: String
    }

    /// The pages as they are without a theme.
    package static let standard = PageTheme()

    /// The most bytes of a logo: with it the first view of a sale stays below 60 KB.
    package static let logoBytes = 32_768
    /// The least contrast between text and what is behind it (WCAG 2.2, AA).
    static let leastContrast = 4.5

    package let name: String?
    /// Addresses of the web.
    package let imprint: String?
    package let privacy: String?
    /// Where the accent as it was given is not shown.
    package let adjustments: [Adjustment]
    let logo: PageFile?
    let css: PageFile

    private init() {
        name = nil
        imprint = nil
        privacy = nil
        adjustments = []
        logo = nil
        css = Pages.file("pages.css")
    }

    package init(
        name: String? = nil, logo: [UInt8]? = nil, accent: String? = nil, imprint: String? = nil, privacy: String? = nil
    ) throws(Mistake) {
        self.name = name
        self.imprint = imprint
        self.privacy = privacy
        self.logo = try Self.logo(logo)
        (css, adjustments) = try Self.css(accent)
    }

    /// The files that only its pages load, by the last segment of their paths.
    package var files: [String: PageFile] {
        Dictionary([css, logo].compactMap { $0 }.map { ($0.name, $0) }) { first, _ in first }
    }

    // MARK: Logo

    private static func logo(_ bytes: [UInt8]?) throws(Mistake) -> PageFile? {
        guard let bytes else { return nil }
        guard bytes.count <= logoBytes else { throw .largeLogo }
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
            return PageFile("logo.png", bytes, "image/png")
        }
        guard isSVG(bytes) else { throw .strangeLogo }
        return PageFile("logo.svg", bytes, "image/svg+xml")
    }

    /// Whether the first element is `svg`. What is in it does not matter: an image runs no script, and by itself it is sent
    /// with a policy under which nothing runs.
    private static func isSVG(_ bytes: [UInt8]) -> Bool {
        guard let text = String(validating: bytes, as: UTF8.self) else { return false }
        var rest = text[...].drop { $0.isWhitespace || $0 == "\u{feff}" }
        // A declaration, a document type and comments may come before it.
        let heads = [("<?", "?>"), ("<!--", "-->"), ("<!", ">")]
        while let head = heads.first(where: { rest.hasPrefix($0.0) }) {
            guard let range = rest.firstRange(of: head.1) else { return false }
            rest = rest[range.upperBound...].drop(while: \.isWhitespace)
        }
        guard rest.hasPrefix("<svg") else { return false }
        let next = rest.dropFirst(4).first
        return next.map { $0.isWhitespace || $0 == ">" } ?? false
    }

    // MARK: Accent

    /// What the accent stands on, by scheme: the values of these properties in `pages.css`.
    static let backgrounds = ["--paper", "--card", "--good-paper", "--warn-paper", "--bad-paper"]

    /// The styles with the accent in them, for light and for dark pages.
    private static func css(_ accent: String?) throws(Mistake) -> (PageFile, [Adjustment]) {
        let plain = Pages.file("pages.css")
        guard let accent else { return (plain, []) }
        guard accent.count == 7, let given = Colour(accent) else { throw .noColour }
        let text = String(decoding: plain.bytes, as: UTF8.self)
        let found = backgrounds.map { colours(of: $0, in: text) }
        let light = readable(given, on: found.map { $0[0] }, towards: .black)
        let dark = readable(given, on: found.map { $0[1] }, towards: .white)
        let styles = """

            :root { --accent: \(light.hex); }
            @media (prefers-color-scheme: dark) { :root { --accent: \(dark.hex); } }

            """
        let adjustments = [("light", light), ("dark", dark)].filter { $0.1 != given }
            .map { Adjustment(scheme: $0.0, given: given.hex, shown: $0.1.hex) }
        return (PageFile("pages.css", plain.bytes + styles.utf8, plain.mediaType), adjustments)
    }

    /// The values of a property, in the order of the text: first that of light pages, then that of dark ones.
    private static func colours(of property: String, in css: String) -> [Colour] {
        var colours: [Colour] = []
        var rest = css[...]
        while let range = rest.firstRange(of: property + ": ") {
            rest = rest[range.upperBound...]
            if let colour = Colour(rest.prefix { $0 != ";" }) { colours.append(colour) }
        }
        precondition(colours.count == 2, "pages.css gives \(property) a colour for light and one for dark pages")
        return colours
    }

    /// The colour, or the one nearest to it on the way to black or white that can be read on all of `backgrounds`.
    static func readable(_ given: Colour, on backgrounds: [Colour], towards end: Colour) -> Colour {
        for hundredths in 0...100 {
            let colour = given.mixed(with: end, hundredths: hundredths)
            if backgrounds.allSatisfy({ colour.contrast(with: $0) >= leastContrast }) { return colour }
        }
        return end
    }
}

import Pages
import Testing

@Suite("A theme changes what pages look like, and never that they can be read")
struct PageThemeTests {
    private static func styles(_ theme: PageTheme) -> String {
        let css = theme.files.values.first { $0.mediaType.hasPrefix("text/css") }
        return String(decoding: css?.bytes ?? [], as: UTF8.self)
    }

    private static func luminance(_ colour: Substring) -> Double {
        let number = Int(colour.dropFirst(), radix: 16) ?? 0
        // As in WCAG 2.2, with the exponent 2.4 by tables of the test's own.
        func linear(_ byte: Int) -> Double {
            let part = Double(byte) / 255
            if part <= 0.04045 { return part / 12.92 }
            let base = (part + 0.055) / 1.055
            // base^2.4 = (base^12)^(1/5), by halving an interval.
            let goal = (0..<12).reduce(1.0) { product, _ in product * base }
            var (low, high) = (0.0, 1.0)
            for _ in 0..<80 {
                let middle = (low + high) / 2
                let square = middle * middle
                if square * square * middle < goal { low = middle } else { high = middle }
            }
            return low
        }
        let (red, green, blue) = (linear(number >> 16), linear(number >> 8 & 255), linear(number & 255))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    private static func contrast(_ one: Substring, _ other: Substring) -> Double {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05)
        return max(one, other) / min(one, other)
    }

    @Test(
        "Whatever the accent, links can be read on every background, in light and in dark",
        arguments: ["#ffcc00", "#000000", "#ffffff", "#ff0000", "#0b5cad", "#777777", "#00ff00", "#12345f"])
    func readable(accent: String) throws {
        let theme = try PageTheme(accent: accent)
        let css = Self.styles(theme)
        let accents = css.split(separator: "--accent: ").suffix(2).map { $0.prefix(7) }
        #expect(accents.count == 2)
        let papers = [
            ["#fcfcfb", "#ffffff", "#e6f4ec", "#fdf1dc", "#fdeceb"],
            ["#11151b", "#181e26", "#12281c", "#2e240f", "#331715"],
        ]
        for (shown, papers) in zip(accents, papers) {
            for paper in papers { #expect(Self.contrast(shown, paper[...]) >= 4.5, "\(shown) on \(paper)") }
        }
        // No more is changed than has to be.
        #expect(accents.contains(accent[...]) == (theme.adjustments.count < 2))
        for adjustment in theme.adjustments {
            #expect(accents.contains(adjustment.shown[...]) && adjustment.given == accent)
        }
    }

    @Test("The contrast is that of WCAG 2.2")
    func contrast() {
        #expect(abs(Self.contrast("#777777", "#ffffff") - 4.48) < 0.01)
        #expect(abs(Self.contrast("#0b5cad", "#ffffff") - 6.67) < 0.01)
    }

    @Test("Styles with another accent have another name, and those without one are as they were")
    func names() throws {
        #expect(
            try PageTheme(accent: "#ff0000").files.keys.sorted() != PageTheme(accent: "#ff0001").files.keys.sorted())
        #expect(try PageTheme(name: "Hall").files.keys.sorted() == PageTheme.standard.files.keys.sorted())
    }

    @Test("A logo is an SVG or a PNG by its bytes, and small")
    func logos() throws {
        let png: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        let good: [([UInt8], String)] = [
            (png, "image/png"), (Array("<svg></svg>".utf8), "image/svg+xml"),
            (
                Array("\u{feff} <?xml version='1.0'?>\n<!DOCTYPE svg>\n<!-- <html> -->\n<svg\nwidth='1'/>".utf8),
                "image/svg+xml"
            ),
            (png + Array(repeating: 0, count: PageTheme.logoBytes - 8), "image/png"),
        ]
        for (bytes, type) in good {
            let theme = try PageTheme(logo: bytes)
            #expect(theme.files.values.contains { $0.mediaType == type && $0.bytes == bytes })
        }
        for text in ["", "<html><svg></svg></html>", "<svgx>", "svg", "<!-- <svg>", "GIF89a", "<?xml <svg>"] {
            #expect(throws: PageTheme.Mistake.strangeLogo) { try PageTheme(logo: Array(text.utf8)) }
        }
        #expect(throws: PageTheme.Mistake.strangeLogo) { try PageTheme(logo: Array("<svg>".utf8) + [0xff]) }
        #expect(throws: PageTheme.Mistake.largeLogo) {
            try PageTheme(logo: png + Array(repeating: 0, count: PageTheme.logoBytes - 7))
        }
        #expect(throws: PageTheme.Mistake.noColour) { try PageTheme(accent: "red") }
    }
}

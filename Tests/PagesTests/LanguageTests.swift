import Pages
import Testing

@Suite("Pages speak the reader's language")
struct LanguageTests {
    @Test(
        "Accept-Language chooses",
        arguments: [
            (nil, Language.english), ("de", .german), ("de-AT,en;q=0.5", .german), ("en,de", .english),
            ("fr,de;q=0.3", .german), ("fr", .english), ("en;q=0.2, de ; q=0.30", .german), ("de;q=0", .english),
            ("*", .english), ("DE", .german), (";;,,q", .english), ("de;q=x,en;q=0.1", .english),
        ] as [(String?, Language)])
    func accepted(header: String?, language: Language) {
        #expect(Language(accepting: header) == language)
    }

    @Test(
        "Money has the decimals of its currency and the form of the language",
        arguments: [
            (8_900, "EUR", "€89.00", "89,00\u{a0}€"), (0, "EUR", "€0.00", "0,00\u{a0}€"),
            (5, "USD", "$0.05", "0,05\u{a0}$"),
            (123_456_789, "CHF", "CHF\u{a0}1,234,567.89", "1.234.567,89\u{a0}CHF"),
            (1_500, "JPY", "¥1,500", "1.500\u{a0}¥"), (1_234, "KWD", "KWD\u{a0}1.234", "1,234\u{a0}KWD"),
            (12_345, "CLF", "CLF\u{a0}1.2345", "1,2345\u{a0}CLF"),
            (10_000, "HUF", "HUF\u{a0}100.00", "100,00\u{a0}HUF"),
            (-250, "EUR", "−€2.50", "−2,50\u{a0}€"),
        ] as [(Int64, String, String, String)])
    func money(amount: Int64, currency: String, english: String, german: String) {
        #expect(Language.english.text(of: amount, in: currency) == english)
        #expect(Language.german.text(of: amount, in: currency) == german)
    }

    @Test(
        "An amount in a field has the point of the language, the decimals of its currency, and nothing else",
        arguments: [
            (123_456_789, "EUR", "1234567.89", "1234567,89"), (5, "EUR", "0.05", "0,05"),
            (1_250, "JPY", "1250", "1250"),
            (1_250, "KWD", "1.250", "1,250"), (0, "EUR", "0.00", "0,00"),
        ])
    func plain(amount: Int64, currency: String, english: String, german: String) {
        #expect(Language.english.plainText(of: amount, in: currency) == english)
        #expect(Language.german.plainText(of: amount, in: currency) == german)
    }

    @Test("Moments are written out, in UTC")
    func moments() {
        #expect(Language.english.text(ofMoment: 1_796_054_400_000) == "30 November 2026, 16:00 UTC")
        #expect(Language.german.text(ofMoment: 1_796_054_400_000) == "30. November 2026, 16:00 Uhr UTC")
        #expect(Language.german.text(ofTime: 1_796_054_405_999) == "16:00:05 Uhr UTC")
    }
}

internal import StrictJSON

/// A language that the pages are written in. Its texts are in `Web/texts.CODE.json`.
package enum Language: String, CaseIterable, Sendable {
    case english = "en"
    case german = "de"

    /// The code that HTML and HTTP use.
    package var code: String { rawValue }

    /// The one that suits `Accept-Language` best (RFC 9110, 12.5.4); English if none does.
    ///
    /// - Parameter header: at most ``mostRanges`` ranges of it are looked at.
    package init(accepting header: String?) {
        var best: (language: Language, weight: Int)?
        for range in (header ?? "").split(separator: ",").prefix(Self.mostRanges) {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let tag = parts.first?.split(separator: "-").first?.lowercased() else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map {
                Self.thousandths(String($0.dropFirst(2)))
            }
            let weighs = weight ?? 1_000
            guard let language = tag == "*" ? .english : Language(rawValue: tag), weighs > best?.weight ?? 0 else {
                continue
            }
            best = (language, weighs)
        }
        self = best?.language ?? .english
    }

    private static let mostRanges = 20

    /// `0.8` as 800; 0 for what is not a weight.
    private static func thousandths(_ text: String) -> Int {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int($0) }), (0...1).contains(whole), parts.count <= 2 else { return 0 }
        let fraction = parts.count == 2 ? (parts[1] + "000").prefix(3) : "000"
        return min(1_000, whole * 1_000 + (Int(fraction) ?? 0))
    }

    /// A whole number with its thousands apart.
    package func text(of number: Int) -> String {
        grouped(String(number.magnitude), number < 0)
    }

    private func grouped(_ digits: String, _ isNegative: Bool) -> String {
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += thousands }
            text.append(digit)
        }
        return (isNegative ? "−" : "") + text
    }

    private var thousands: String { self == .german ? "." : "," }
    private var point: String { self == .german ? "," : "." }

    /// An amount in minor units of a currency.
    package func text(of amount: Int64, in currency: String) -> String {
        let decimals = Self.minorDigits(of: currency)
        var digits = String(amount.magnitude)
        if digits.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits }
        var text = grouped(String(digits.dropLast(decimals)), false)
        if decimals > 0 { text += point + digits.suffix(decimals) }
        let sign = amount < 0 ? "−" : ""
        let symbol = Self.symbols[currency]
        // A no-break space, so that a line never ends between number and currency.
        return switch self {
        case .english: sign + (symbol ?? currency + "\u{a0}") + text
        case .german: sign + text + "\u{a0}" + (symbol ?? currency)
        }
    }

    /// An amount as people write it into a field: without a currency and without separators of thousands.
    package func plainText(of amount: Int64, in currency: String) -> String {
        let decimals = Self.minorDigits(of: currency)
        var digits = String(amount.magnitude)
        if digits.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits }
        let whole = digits.dropLast(decimals)
        return (amount < 0 ? "-" : "") + whole + (decimals > 0 ? point + digits.suffix(decimals) : "")
    }

    /// How many digits the minor unit of a currency has behind the point. Browsers know other ones for some currencies, so
    /// scripts get this number.
    package static func minorDigits(of currency: String) -> Int { decimals[currency] ?? 2 }

    /// ISO 4217's currencies whose minor unit is not a hundredth.
    private static let decimals: [String: Int] = {
        let none = [
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
            "XAF", "XOF", "XPF",
        ]
        let three = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
        let four = ["CLF", "UYW"]
        return Dictionary(
            uniqueKeysWithValues: none.map { ($0, 0) } + three.map { ($0, 3) } + four.map { ($0, 4) })
    }()
    private static let symbols = ["EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"]

    /// Day and time in UTC, as in "30 November 2026, 20:00 UTC".
    package func text(ofMoment milliseconds: Int64) -> String {
        let text = RFC3339.text(of: milliseconds)
        let parts = text.prefix(10).split(separator: "-").map(String.init)
        guard parts.count == 3, let month = Int(parts[1]), let day = Int(parts[2]) else { return text }
        let time = text.dropFirst(11).prefix(5)
        return switch self {
        case .english: "\(day) \(Self.englishMonths[month - 1]) \(parts[0]), \(time) UTC"
        case .german: "\(day). \(Self.germanMonths[month - 1]) \(parts[0]), \(time) Uhr UTC"
        }
    }

    /// Time of day in UTC, as in "20:00:30 UTC".
    package func text(ofTime milliseconds: Int64) -> String {
        let time = RFC3339.text(of: milliseconds).dropFirst(11).prefix(8)
        return self == .english ? "\(time) UTC" : "\(time) Uhr UTC"
    }

    static let englishMonths = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    static let germanMonths = [
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ]
}

internal import StrictJSON

/// A colour of sRGB.
struct Colour: Sendable, Equatable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    static let black = Colour(red: 0, green: 0, blue: 0)
    static let white = Colour(red: 255, green: 255, blue: 255)

    init(red: UInt8, green: UInt8, blue: UInt8) {
        (self.red, self.green, self.blue) = (red, green, blue)
    }

    /// As CSS writes it, with three or six hexadecimal digits: `#0b5cad`, `#fff`.
    init?(_ text: some StringProtocol) {
        guard text.first == "#" else { return nil }
        let digits = text.dropFirst().compactMap(\.hexDigitValue)
        guard digits.count == text.count - 1, [3, 6].contains(digits.count) else { return nil }
        // One digit stands for two that are the same.
        let pairs = digits.count == 3 ? digits.flatMap { [$0, $0] } : digits
        func byte(_ index: Int) -> UInt8 { UInt8(pairs[2 * index] * 16 + pairs[2 * index + 1]) }
        self.init(red: byte(0), green: byte(1), blue: byte(2))
    }

    var hex: String {
        "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// From 0, black, to 1, white (WCAG 2.2, "relative luminance").
    private var luminance: Double {
        func linear(_ byte: UInt8) -> Double {
            let part = Double(byte) / 255
            return part <= 0.04045 ? part / 12.92 : power((part + 0.055) / 1.055)
        }
        let (red, green, blue) = (linear(red), linear(green), linear(blue))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// `base` to the power of 2.4: the fifth root of its twelfth power, by Newton's method, so that no library is needed.
    private func power(_ base: Double) -> Double {
        let goal = (0..<12).reduce(1.0) { product, _ in product * base }
        var root = base
        for _ in 0..<60 {
            let fourth = root * root * root * root
            root -= (fourth * root - goal) / (5 * fourth)
        }
        return root
    }

    /// From 1 to 21 (WCAG 2.2, "contrast ratio").
    func contrast(with other: Colour) -> Double {
        let (one, two) = (luminance + 0.05, other.luminance + 0.05)
        return max(one, two) / min(one, two)
    }

    /// The colour with some hundredths of another one in it.
    func mixed(with other: Colour, hundredths: Int) -> Colour {
        func mix(_ one: UInt8, _ two: UInt8) -> UInt8 {
            UInt8((Int(one) * (100 - hundredths) + Int(two) * hundredths) / 100)
        }
        return Colour(red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
    }
}

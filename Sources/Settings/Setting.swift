/// One key of the configuration: its names, its default, what is allowed and what it means.
///
/// The table ``all`` is the only place that knows the keys. Reading, the check for unknown keys, `--help`,
/// `holdfast config` and the reference in the documentation are all made from it, so that none of them can
/// know a key that another does not.
public struct Setting: Sendable {
    /// The name in the configuration file, with a dot where the file has a nested object: `limits.header_bytes`.
    public let name: String

    /// What a value must be.
    let allowed: Allowed

    /// The value when nobody says anything; `nil` for a key that may be left unset.
    let standard: SettingValue?

    /// One line for people: what the key is for.
    public let meaning: String

    /// Whether the key may stand in the configuration file. Only the path of that file itself may not.
    let isInFile: Bool

    /// Whether the value is masked wherever it would be shown: reports, and messages about wrong values.
    public let isSecret: Bool

    /// A key by its name, with its default, what is allowed and what it means.
    init(
        _ name: String, _ allowed: Allowed, default standard: SettingValue?, isInFile: Bool = true,
        isSecret: Bool = false, _ meaning: String
    ) {
        self.name = name
        self.allowed = allowed
        self.standard = standard
        self.isInFile = isInFile
        self.isSecret = isSecret
        self.meaning = meaning
    }

    /// The flag on the command line, without its two hyphens: `limits-header-bytes`.
    public var flag: String {
        String(name.map { $0 == "." || $0 == "_" ? "-" : $0 })
    }

    /// The environment variable: `HOLDFAST_LIMITS_HEADER_BYTES`.
    public var variable: String {
        Setting.variablePrefix + String(name.map { $0 == "." ? "_" : $0 }).uppercased()
    }

    /// What every environment variable of ours begins with.
    static let variablePrefix = "HOLDFAST_"

    /// The names of the nested objects that lead to the value in the file, and the value's own.
    var path: [String] {
        name.split(separator: ".").map(String.init)
    }
}

extension Setting: Hashable {
    /// Two settings are the same if their names are: the table holds every name once.
    public static func == (one: Setting, other: Setting) -> Bool {
        one.name == other.name
    }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
    }
}

/// A value of a setting, before it is checked.
public enum SettingValue: Sendable, Equatable {
    /// A text, a path, a code, or one of several words.
    case text(String)
    /// A whole number.
    case number(Int)
    /// Several texts, in the order in which they were given.
    case list([String])
}

extension SettingValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    /// A text.
    public init(stringLiteral text: String) {
        self = .text(text)
    }

    /// A whole number.
    public init(integerLiteral number: Int) {
        self = .number(number)
    }

    /// A list of texts.
    public init(arrayLiteral texts: String...) {
        self = .list(texts)
    }
}

extension SettingValue {
    /// The value as people read it, in one line: a text in quotes, a number bare, a list in brackets.
    ///
    /// What would break a line or a terminal is escaped, and what is long is cut: the value may come from anywhere.
    var shown: String {
        switch self {
        case .text(let text): JSONText.quoted(SettingValue.masked(text), limit: SettingValue.shownLimit)
        case .number(let number): String(number)
        case .list(let texts):
            "[" + texts.map { JSONText.quoted($0, limit: SettingValue.shownLimit) }.joined(separator: ", ") + "]"
        }
    }

    /// The text with what an address carries before its host masked: there may be a password in it.
    static func masked(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"), at >= scheme.upperBound else {
            return text
        }
        return text[..<scheme.upperBound] + Setting.mask + text[at...]
    }

    /// How many bytes of a text are shown: enough for any path that one reads, too few to fill a screen.
    static let shownLimit = 200
}

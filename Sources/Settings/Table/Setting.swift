/// One setting: its key, what is allowed, what it means, and where its value is in ``Settings``.
///
/// The table ``all`` is the only place that knows the keys. Reading, the check for unknown keys, `--help`,
/// `holdfast config` and the reference in the documentation follow from it.
public struct Setting: Sendable {
    typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

    /// The name in the configuration file, with a dot where the file has a nested object: `limits.header_bytes`.
    public let name: String
    /// What a value must be.
    let allowed: Allowed
    /// What the setting is for, in one line.
    public let meaning: String
    /// Whether the configuration file may contain the key. Only the path of that file may not be in it.
    let isInFile: Bool
    /// The value in some settings; `nil` if it is unset there.
    let value: @Sendable (Settings) -> SettingValue?
    /// Sets a value that is allowed.
    let set: @Sendable (inout Settings, SettingValue) -> Void

    /// The value when nobody sets one; `nil` for a key that may stay unset.
    var standard: SettingValue? { value(.standard) }

    /// The setting with this name.
    ///
    /// - Precondition: there is one.
    public static func named(_ name: String) -> Setting {
        guard let setting = all.first(where: { $0.name == name }) else { preconditionFailure("no setting \(name)") }
        return setting
    }

    /// The flag on the command line, without its two hyphens: `limits-header-bytes`.
    public var flag: String {
        String(name.map { $0 == "." || $0 == "_" ? "-" : $0 })
    }

    /// The environment variable: `HOLDFAST_LIMITS_HEADER_BYTES`.
    public var variable: String {
        Setting.variablePrefix + String(name.map { $0 == "." ? "_" : $0 }).uppercased()
    }

    /// Whether the flag may stand several times, each time with another value.
    public var isList: Bool {
        switch allowed {
        case .paths, .addresses, .networks, .origins, .exactOrigins: true
        case .number, .choice, .host, .address, .mode, .path, .code, .origin, .link, .line, .colour, .url, .store: false
        }
    }

    /// What every environment variable of ours begins with.
    static let variablePrefix = "HOLDFAST_"

    /// The names of the nested objects that lead to the value in the file, and the value's own.
    var path: [String] {
        name.split(separator: ".").map(String.init)
    }
}

// A row of the table for each type of value.

extension Setting {
    private init<Value: Sendable>(
        _ name: String, _ allowed: Allowed, _ path: Path<Value>, isInFile: Bool = true, _ meaning: String,
        shown: @escaping @Sendable (Value) -> SettingValue?, taken: @escaping @Sendable (SettingValue) -> Value
    ) {
        self.name = name
        self.allowed = allowed
        self.meaning = meaning
        self.isInFile = isInFile
        value = { shown($0[keyPath: path]) }
        set = { $0[keyPath: path] = taken($1) }
    }

    init(_ name: String, _ range: ClosedRange<Int>, _ path: Path<Int>, _ meaning: String) {
        self.init(name, .number(range), path, meaning, shown: { .number($0) }, taken: \.number)
    }

    init(_ name: String, seconds range: ClosedRange<Int>, _ path: Path<Duration>, _ meaning: String) {
        self.init(
            name, .number(range), path, meaning, shown: { .number(Int($0 / .seconds(1))) },
            taken: { .seconds($0.number) })
    }

    init(_ name: String, milliseconds range: ClosedRange<Int>, _ path: Path<Duration>, _ meaning: String) {
        self.init(
            name, .number(range), path, meaning, shown: { .number(Int($0 / .milliseconds(1))) },
            taken: { .milliseconds($0.number) })
    }

    init(_ name: String, _ allowed: Allowed, _ path: Path<String>, _ meaning: String) {
        self.init(name, allowed, path, meaning, shown: { .text($0) }, taken: \.text)
    }

    init(_ name: String, _ allowed: Allowed, _ path: Path<String?>, isInFile: Bool = true, _ meaning: String) {
        self.init(
            name, allowed, path, isInFile: isInFile, meaning, shown: { $0.map(SettingValue.text) }, taken: { $0.text })
    }

    init(_ name: String, _ path: Path<HostAndPort?>, _ meaning: String) {
        self.init(
            name, .address, path, meaning, shown: { $0.map { .text($0.description) } },
            taken: { value in
                guard let address = HostAndPort(value.text) else { preconditionFailure("\(value) was not checked") }
                return address
            })
    }

    init(_ name: String, _ allowed: Allowed, _ path: Path<[String]>, _ meaning: String) {
        self.init(name, allowed, path, meaning, shown: { .list($0) }, taken: \.list)
    }

    init<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Word>, _ meaning: String
    ) {
        self.init(
            name, .choice(Word.allCases.map(\.rawValue)), path, meaning, shown: { .text($0.rawValue) },
            taken: { value in
                guard let word = Word(rawValue: value.text) else { preconditionFailure("\(value) was not checked") }
                return word
            })
    }
}

extension Setting: Hashable {
    /// The table has each name once.
    public static func == (one: Setting, other: Setting) -> Bool {
        one.name == other.name
    }

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
    // What a value is after its type was checked.

    fileprivate var number: Int {
        guard case .number(let number) = self else { preconditionFailure("\(self) is not a number") }
        return number
    }

    fileprivate var text: String {
        guard case .text(let text) = self else { preconditionFailure("\(self) is not a text") }
        return text
    }

    fileprivate var list: [String] {
        guard case .list(let texts) = self else { preconditionFailure("\(self) is not a list") }
        return texts
    }

    /// The value as people read it, in one line: a text in quotes, a number bare, a list in brackets.
    ///
    /// Control characters are escaped, and long texts are cut, because the value may come from anywhere.
    var shown: String {
        switch self {
        case .text(let text): JSONText.quoted(SettingValue.masked(text), limit: SettingValue.shownLimit)
        case .number(let number): String(number)
        case .list(let texts):
            "[" + texts.map { JSONText.quoted($0, limit: SettingValue.shownLimit) }.joined(separator: ", ") + "]"
        }
    }

    /// The text with the part of an address before its host masked, since that may contain a password.
    static func masked(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"), at >= scheme.upperBound else {
            return text
        }
        return text[..<scheme.upperBound] + Setting.mask + text[at...]
    }

    /// Bytes of a text that are shown: enough for a path, too few to fill a screen.
    static let shownLimit = 200
}

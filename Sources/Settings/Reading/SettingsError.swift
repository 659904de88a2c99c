/// Why a configuration cannot be used, in one line for people.
public struct SettingsError: Error, Equatable, CustomStringConvertible {
    /// One line: the key, the value, where it came from, and what is allowed.
    public let description: String

    /// The exit status of the command: 64 for a wrong value or an unknown key, 78 for a configuration file that cannot
    /// be read or is not JSON.
    public let exitCode: Int32

    /// Wrong use (`EX_USAGE` of sysexits.h).
    static let wrongUse: Int32 = 64
    /// No configuration to be had (`EX_CONFIG` of sysexits.h).
    static let badConfiguration: Int32 = 78

    /// For a name that is not like any known one. Not `holdfast config`, which stops at the same error.
    static let advice = "; --help lists the keys there are"

    /// A value that is not allowed.
    static func wrongValue(_ setting: Setting, shown: String, from origin: Origin) -> SettingsError {
        let line = "\(setting.name): \(shown) from \(origin) is wrong; allowed: \(setting.allowed.description)"
        return SettingsError(description: line + ServiceLinks.hint(forValue: shown), exitCode: wrongUse)
    }

    /// Two values that are allowed and do not go together.
    static func contradiction(
        _ one: Reading, _ other: Reading, _ relation: String, because reason: String
    ) -> SettingsError {
        let shown = { (reading: Reading) in "\(reading.shown) from \(reading.origin)" }
        return SettingsError(
            description:
                "\(one.setting.name): \(shown(one)) \(relation) \(other.setting.name), \(shown(other)); \(reason)",
            exitCode: wrongUse)
    }

    /// A setting without which another one means nothing.
    static func missing(_ name: String, because reason: String) -> SettingsError {
        SettingsError(description: "\(name): is missing; \(reason)", exitCode: wrongUse)
    }

    /// An unknown key in the file.
    static func unknownKey(_ name: String, in path: String, instead: String?) -> SettingsError {
        let hint = instead.map { "; did you mean \($0)?" } ?? advice
        let key = JSONText.quoted(name, limit: SettingValue.shownLimit)
        return SettingsError(description: "unknown key \(key) in \(file(path))\(hint)", exitCode: wrongUse)
    }

    /// A member of the file that should be an object with keys, and is not.
    static func notAnObject(_ name: String, shown: String, in path: String, keys: [String]) -> SettingsError {
        let allowed = "an object with \(keys.joined(separator: ", "))"
        return SettingsError(
            description: "\(name): \(shown) from \(file(path)) is wrong; allowed: \(allowed)", exitCode: wrongUse)
    }

    /// An unknown environment variable with our prefix.
    static func unknownVariable(_ name: String, instead: String?) -> SettingsError {
        let hint = instead.map { "; did you mean \($0)?" } ?? ServiceLinks.hint(forVariable: name)
        let shown = JSONText.escaped(name, limit: SettingValue.shownLimit)
        return SettingsError(description: "unknown environment variable \(shown)\(hint)", exitCode: wrongUse)
    }

    /// A file that cannot be read, or is no JSON object.
    static func unusable(file path: String, because reason: String) -> SettingsError {
        let why = JSONText.escaped(reason, limit: SettingValue.shownLimit)
        return SettingsError(description: "\(file(path)) \(why)", exitCode: badConfiguration)
    }

    private static func file(_ path: String) -> String {
        Origin.file(path).description
    }
}

/// Where a value came from.
public enum Origin: Sendable, Equatable, CustomStringConvertible {
    /// A flag of the command, with its hyphens.
    case flag(String)
    /// An environment variable.
    case environment(String)
    /// A configuration file, by its path.
    case file(String)
    /// A value that the program itself gave to ``Settings/init(_:)``.
    case code
    /// Nobody set it.
    case standard

    /// The origin for people: `flag --port`, `environment HOLDFAST_PORT`, `file config.json`, `default`.
    public var description: String {
        switch self {
        case .flag(let name): "flag \(name)"
        case .environment(let name): "environment \(name)"
        case .file(let path): "file \(JSONText.escaped(path, limit: Allowed.pathBytes))"
        case .code: "code"
        case .standard: "default"
        }
    }

    /// The word alone, and what it names, for programs.
    var parts: (kind: String, name: String?) {
        switch self {
        case .flag(let name): ("flag", name)
        case .environment(let name): ("environment", name)
        case .file(let path): ("file", path)
        case .code: ("code", nil)
        case .standard: ("default", nil)
        }
    }
}

/// Kubernetes gives every pod `HOLDFAST_PORT=tcp://…` and a few more as soon as there is a service named
/// `holdfast` in its namespace. They look like ours, so the message says where they come from.
private enum ServiceLinks {
    static let advice = " (Kubernetes sets it for a service named holdfast; set enableServiceLinks: false)"

    static func hint(forValue shown: String) -> String {
        shown.hasPrefix("\"tcp://") || shown.hasPrefix("\"udp://") ? advice : ""
    }

    static func hint(forVariable name: String) -> String {
        let isLink =
            name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.hasPrefix("HOLDFAST_PORT_")
        return isLink ? advice : SettingsError.advice
    }
}

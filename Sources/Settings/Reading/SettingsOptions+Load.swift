internal import ArgumentParser

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension SettingsOptions {
    /// The flags that were given, with all their values in their order.
    public var flags: [Setting: [String]] {
        Dictionary(uniqueKeysWithValues: given.map { (Setting.named($0), $1.compactMap(\.self)) })
            .filter { !$1.isEmpty }
    }

    /// Reads the configuration with these flags in front.
    ///
    /// A command prints the error's one line and ends with its exit code; an error that leaves `run()` as it is
    /// would end it with 1.
    ///
    /// - Throws: ``SettingsError`` for the first thing that is wrong.
    public func load(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(SettingsError) -> Settings {
        try Settings.load(flags: flags, environment: environment)
    }
}

// All flags are optional and texts: a default here would win over the file, and a number that ArgumentParser refuses
// itself would be refused in other words than one from the file.

extension Option where Value == String? {
    /// The flag of a setting.
    init(_ name: String) {
        let setting = Setting.named(name)
        self.init(
            name: .customLong(setting.flag), parsing: setting.parsing, help: setting.help(),
            completion: setting.completion)
    }
}

extension Option where Value == [String] {
    /// The flag of a setting that may stand several times.
    init(wrappedValue: [String], _ name: String) {
        let setting = Setting.named(name)
        self.init(
            wrappedValue: wrappedValue, name: .customLong(setting.flag),
            help: setting.help(note: "may be given several times"), completion: setting.completion)
    }
}

extension Setting {
    /// Numbers take what looks like a flag, so that `--port -1` is a wrong port and not a missing one.
    fileprivate var parsing: SingleValueParsingStrategy {
        if case .number = allowed { .unconditional } else { .next }
    }

    /// What the setting means, what is allowed, and the default.
    fileprivate func help(note: String? = nil) -> ArgumentHelp {
        let notes = [note, "allowed: \(allowed.description)", "default: \(shownDefault ?? "none")"]
        return ArgumentHelp(
            "\(meaning) (\(notes.compactMap(\.self).joined(separator: "; ")))", valueName: allowed.placeholder)
    }

    fileprivate var completion: CompletionKind {
        switch allowed {
        case .choice(let words): .list(words)
        case .path, .paths: .file()
        case .number, .host, .address, .code, .origin, .url, .store, .addresses, .networks, .origins, .exactOrigins,
            .mode,
            .link,
            .line, .colour:
            .default
        }
    }
}

extension Allowed {
    /// What stands for the value in the help.
    fileprivate var placeholder: String {
        switch self {
        case .number: "number"
        case .choice: "word"
        case .host: "host"
        case .address: "address"
        case .path, .paths: "path"
        case .code: "code"
        case .origin, .addresses, .link, .url: "address"
        case .networks: "network"
        case .origins, .exactOrigins: "origin"
        case .mode: "mode"
        case .line: "text"
        case .colour: "colour"
        case .store: "store"
        }
    }
}

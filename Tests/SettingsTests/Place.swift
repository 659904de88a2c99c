import Foundation

@testable import Settings

/// A directory of its own for a test's configuration files, removed with the last reference to it.
final class Place: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/settings-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ text: String, to name: String = "config.json") throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
    }
}

/// Loads with a `config.json` of this content, and flags by their names; nil is no file.
func load(
    _ flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String? = nil
) throws -> Settings {
    let place = try Place()
    if let file {
        try place.write(file)
    }
    return try Settings.load(flags: flags, environment: environment, directory: place.path)
}

/// The error that loading ends with; nil if it does not.
func refusal(
    _ flags: [Setting: [String]] = [:], environment: [String: String] = [:], file: String? = nil
) throws -> SettingsError? {
    do {
        _ = try load(flags, environment: environment, file: file)
        return nil
    } catch let error as SettingsError {
        return error
    }
}

/// A file with one setting, its value written as JSON.
func file(_ setting: Setting, _ json: String) -> String {
    setting.path.reversed().reduce(json) { inner, name -> String in "{\"\(name)\": \(inner)}" }
}

extension Settings {
    /// The value in force and where it came from.
    func reading(_ setting: Setting) -> Reading? {
        readings.first { $0.setting == setting }
    }
}

/// Files that are no text.
enum FileBytesFixture {
    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}

extension Setting: ExpressibleByStringLiteral {
    /// The setting with this name.
    public init(stringLiteral name: String) {
        self = .named(name)
    }
}

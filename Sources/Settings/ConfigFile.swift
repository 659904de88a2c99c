// Foundation and not FoundationEssentials: only JSONSerialization reports the place of a mistake.
import Foundation

/// The configuration file, read once, with only known keys.
struct ConfigFile {
    /// As the user wrote it, for messages.
    let path: String

    /// The value of each setting in the file.
    let values: [Setting: JSONValue]

    /// A configuration longer than this is some other file.
    static let longest = 1 << 20

    /// Reads and parses the file.
    ///
    /// - Throws: ``SettingsError`` if it cannot be read, is no JSON object, or has an unknown key.
    init(path: String, opening file: String) throws(SettingsError) {
        guard let loaded = try ConfigFile(path: path, ifThere: file) else {
            throw .unusable(file: path, because: "is not there")
        }
        self = loaded
    }

    /// Reads and parses the file; `nil` if there is none.
    init?(path: String, ifThere file: String) throws(SettingsError) {
        let bytes: [UInt8]?
        do {
            bytes = try FileBytes.read(file, limit: ConfigFile.longest)
        } catch {
            throw .unusable(file: path, because: "cannot be read: \(error.reason)")
        }
        guard let bytes else { return nil }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw .unusable(file: path, because: "is not UTF-8")
        }
        let top: JSONValue
        do {
            top = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw .unusable(file: path, because: "is not JSON: \(ConfigFile.mistake(in: bytes))")
        }
        guard case .object(let members) = top else {
            throw .unusable(file: path, because: "is not a JSON object")
        }
        self.path = path
        self.values = try ConfigFile.settings(in: members, under: [], of: path)
    }

    /// Goes through the nested objects in the order of names, so that the same file gives the same message.
    private static func settings(
        in members: [String: JSONValue], under group: [String], of file: String
    ) throws(SettingsError) -> [Setting: JSONValue] {
        let known = Setting.all.filter(\.isInFile)
        var found: [Setting: JSONValue] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let path = group + [name]
            if let setting = known.first(where: { $0.path == path }) {
                found[setting] = value
                continue
            }
            let inside = known.filter { $0.path.count > path.count && $0.path.starts(with: path) }
            guard !inside.isEmpty else {
                let instead = suggestion(for: path, among: known)
                throw .unknownKey(path.joined(separator: "."), in: file, instead: instead)
            }
            guard case .object(let members) = value else {
                let keys = inside.map { $0.path.dropFirst(path.count).joined(separator: ".") }
                throw .notAnObject(path.joined(separator: "."), shown: value.shown, in: file, keys: keys)
            }
            found.merge(try settings(in: members, under: path, of: file)) { _, new in new }
        }
        return found
    }

    private static func suggestion(for path: [String], among known: [Setting]) -> String? {
        let name = path.joined(separator: ".")
        if let setting = known.first(where: { $0.name == name }) {
            // {"log.level": …} instead of a nested object.
            return setting.path.reversed().reduce("…") { inner, name -> String in "{\"\(name)\": \(inner)}" }
        }
        let groups = Set(known.filter { $0.path.count > 1 }.map { $0.path[0] }).sorted()
        return Suggestion.nearest(to: name, among: known.map(\.name) + groups)
            ?? known.first { $0.path.last == path.last }?.name
    }

    /// What is wrong with the JSON, and in which line. JSONDecoder does not say so on Linux; JSONSerialization does, and
    /// counts bytes from the beginning.
    private static func mistake(in bytes: [UInt8]) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes))
            return "it cannot be understood"
        } catch {
            let said = (error as NSError).userInfo["NSDebugDescription"] as? String ?? "it cannot be understood"
            let marker = " around character "
            guard let found = said.range(of: marker),
                let offset = Int(said[found.upperBound...].prefix(while: \.isNumber)), offset <= bytes.count
            else { return said }
            let before = bytes[..<offset]
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
            return "\(said[..<found.lowerBound]) in line \(line), column \(column)"
        }
    }
}

/// Any JSON value. Keeps numbers and booleans apart.
enum JSONValue: Decodable, Sendable {
    case null
    case truth(Bool)
    case whole(Int)
    case fraction(Double)
    case text(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let truth = try? container.decode(Bool.self) {
            self = .truth(truth)
        } else if let number = try? container.decode(Int.self) {
            self = .whole(number)
        } else if let number = try? container.decode(Double.self) {
            self = .fraction(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let array = try? container.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// The value for a setting; `nil` if no setting has such a type.
    ///
    /// A word may be written as a number if it looks like one: `"status": 403`.
    func value(for allowed: Allowed) -> SettingValue? {
        switch (self, allowed) {
        case (.whole(let number), .choice): return .text(String(number))
        case (.whole(let number), _): return .number(number)
        case (.text(let text), _): return .text(text)
        case (.array(let members), _):
            var texts: [String] = []
            for case .text(let text) in members {
                texts.append(text)
            }
            return texts.count == members.count ? .list(texts) : nil
        case (.null, _), (.truth, _), (.fraction, _), (.object, _): return nil
        }
    }

    /// The value in one line for people.
    var shown: String {
        switch self {
        case .null: return "null"
        case .truth(let truth): return "\(truth)"
        case .whole(let number): return "\(number)"
        case .fraction(let number): return "\(number)"
        case .text(let text): return SettingValue.text(text).shown
        case .array(let members):
            let first = members.prefix(JSONValue.shownMembers).map(\.shown).joined(separator: ", ")
            return "[" + first + (members.count > JSONValue.shownMembers ? ", …]" : "]")
        case .object(let members): return members.isEmpty ? "{}" : "{…}"
        }
    }

    /// How many members of an array a message shows.
    static let shownMembers = 3
}

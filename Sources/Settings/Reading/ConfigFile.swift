internal import StrictJSON

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
            top = try JSONValue.read(bytes, limits: JSONLimits(bytes: ConfigFile.longest))
        } catch {
            throw .unusable(file: path, because: "is not JSON: \(error)")
        }
        guard case .object(let members) = top else {
            throw .unusable(file: path, because: "is not a JSON object")
        }
        self.path = path
        self.values = try ConfigFile.settings(in: members, under: [], of: path)
    }

    /// Goes through the nested objects; the first unknown key is refused.
    private static func settings(
        in members: [JSONValue.Member], under group: [String], of file: String
    ) throws(SettingsError) -> [Setting: JSONValue] {
        let known = Setting.all.filter(\.isInFile)
        var found: [Setting: JSONValue] = [:]
        for member in members {
            let path = group + [member.name]
            if let setting = known.first(where: { $0.path == path }) {
                found[setting] = member.value
                continue
            }
            let inside = known.filter { $0.path.count > path.count && $0.path.starts(with: path) }
            guard !inside.isEmpty else {
                let instead = suggestion(for: path, among: known)
                throw .unknownKey(path.joined(separator: "."), in: file, instead: instead)
            }
            guard case .object(let members) = member.value else {
                let keys = inside.map { $0.path.dropFirst(path.count).joined(separator: ".") }
                throw .notAnObject(path.joined(separator: "."), shown: member.value.shown, in: file, keys: keys)
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
        return similarWord(to: name, among: known.map(\.name) + groups)
            ?? known.first { $0.path.last == path.last }?.name
    }
}

extension JSONValue {
    /// The value for a setting; `nil` if no setting has such a type.
    ///
    /// A word may be written as a number if it looks like one: `"status": 403`.
    func value(for allowed: Allowed) -> SettingValue? {
        switch (self, allowed) {
        case (.integer(let number), .choice): return .text(String(number))
        case (.integer(let number), _): return Int(exactly: number).map(SettingValue.number)
        case (.string(let text), _): return .text(text)
        case (.array(let elements), _):
            var texts: [String] = []
            for case .string(let text) in elements {
                texts.append(text)
            }
            return texts.count == elements.count ? .list(texts) : nil
        case (.null, _), (.boolean, _), (.number, _), (.object, _): return nil
        }
    }

    /// The value in one line for people.
    var shown: String {
        switch self {
        case .null: return "null"
        case .boolean(let boolean): return "\(boolean)"
        case .integer(let number): return "\(number)"
        case .number(let text): return JSONText.escaped(text, limit: SettingValue.shownLimit)
        case .string(let text): return SettingValue.text(text).shown
        case .array(let elements):
            let first = elements.prefix(JSONValue.shownElements).map(\.shown).joined(separator: ", ")
            return "[" + first + (elements.count > JSONValue.shownElements ? ", …]" : "]")
        case .object(let members): return members.isEmpty ? "{}" : "{…}"
        }
    }

    /// How many elements of an array a message shows.
    private static let shownElements = 3
}

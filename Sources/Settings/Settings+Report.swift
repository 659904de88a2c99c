extension Setting {
    /// What stands for a password.
    static let mask = "******"

    /// What stands for a value that is not set.
    static let unset = "-"

    /// The keys as a Markdown table, for the documentation.
    public static func reference() -> String {
        var lines = [
            "| Key | Flag | Environment | Default | Allowed | Meaning |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for setting in all {
            let key = setting.isInFile ? "`\(setting.name)`" : "(not in the file)"
            let standard = setting.shownDefault.map { "`\($0)`" } ?? "not set"
            let cells = [
                key, "`--\(setting.flag)`", "`\(setting.variable)`", standard, setting.allowed.description,
                setting.meaning,
            ]
            let escaped = cells.map {
                $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
            }
            lines.append("| " + escaped.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The default as one would write it, without quotes; `nil` if there is none.
    var shownDefault: String? {
        switch standard {
        case .text(let text)?: text
        case .number(let number)?: String(number)
        case .list(let texts)?: texts.isEmpty ? nil : texts.joined(separator: ",")
        case nil: nil
        }
    }
}

extension Settings {
    /// Every key with its value in force and where that came from, in columns, for people.
    public func report() -> String {
        let rows = readings.map { [$0.setting.name, $0.shown, $0.origin.description] }
        let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
                + "  \(row[2])\n"
        }
        return lines.joined()
    }

    /// The same as one JSON object with a member `settings`: an object each with `key`, `value` (a text, a number,
    /// a list of texts, or `null` if it is not set), `source` (`flag`, `environment`, `file`, `code` or `default`)
    /// and, where that has one, `name`: of the flag, the variable or the file.
    public func reportJSON() -> String {
        let objects = readings.map { reading in
            var members = [
                "\"key\": " + Settings.json(reading.setting.name), "\"value\": " + reading.json,
                "\"source\": " + Settings.json(reading.origin.parts.kind),
            ]
            if let name = reading.origin.parts.name {
                members.append("\"name\": " + Settings.json(name))
            }
            return "    {" + members.joined(separator: ", ") + "}"
        }
        return "{\n  \"settings\": [\n" + objects.joined(separator: ",\n") + "\n  ]\n}\n"
    }
}

extension Reading {
    /// The value in a column: without quotes, but with what would break the line escaped.
    var shown: String {
        guard let value else { return Setting.unset }
        switch value {
        case .text(let text): return JSONText.escaped(SettingValue.masked(text), limit: Allowed.pathBytes)
        case .number(let number): return String(number)
        case .list(let texts):
            let shown = texts.map { JSONText.escaped($0, limit: Allowed.pathBytes) }
            return shown.isEmpty ? Setting.unset : shown.joined(separator: ", ")
        }
    }

    var json: String {
        guard let value else { return "null" }
        switch value {
        case .text(let text): return Settings.json(SettingValue.masked(text))
        case .number(let number): return String(number)
        case .list(let texts): return "[" + texts.map { Settings.json($0) }.joined(separator: ", ") + "]"
        }
    }
}

extension Settings {
    /// A text as JSON; whole, as no value is longer than a path.
    fileprivate static func json(_ text: String) -> String {
        JSONText.quoted(text, limit: Allowed.pathBytes)
    }
}

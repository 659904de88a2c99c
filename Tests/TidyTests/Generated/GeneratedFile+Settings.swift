import Settings

extension GeneratedFile {
    /// The reference of the settings.
    static let configuration = GeneratedFile(path: "docs/configuration.md") { text in
        try replacing("settings", in: text, with: Setting.reference())
    }

    /// The flags. ArgumentParser wants a property for each.
    static let flags = GeneratedFile(path: "Sources/Settings/Reading/SettingsOptions.swift") { _ in
        let flags = Setting.all.map { setting in
            let words = setting.flag.split(separator: "-")
            let property = (words.prefix(1) + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() })
                .joined()
            return (name: setting.name, property: property, isList: setting.isList)
        }
        let properties = flags.map { flag in
            "    @Option(\"\(flag.name)\") var \(flag.property): \(flag.isList ? "[String] = []" : "String?")\n"
        }
        let values = flags.map { flag in
            "            \"\(flag.name)\": \(flag.isList ? flag.property : "[\(flag.property)]"),\n"
        }
        return """
            // Generated from the table of settings by `make generate`.

            public import ArgumentParser

            /// The flags that are settings, for every command that takes them: `@OptionGroup var options: SettingsOptions`.
            ///
            /// ``load(environment:)`` puts them before the other places that values come from.
            public struct SettingsOptions: ParsableArguments {
            \(properties.joined())
                /// No flag given.
                public init() {}

                /// The values of each setting's flag.
                var given: [String: [String?]] {
                    [
            \(values.joined())        ]
                }
            }

            """
    }
}

/// A setting's value in force, checked, and where it came from.
struct Reading: Sendable {
    let setting: Setting

    /// The value; `nil` if the setting may be left unset and nobody set it.
    let value: SettingValue?

    let origin: Origin

    /// A default: the table is trusted, and a test checks it.
    init(setting: Setting, value: SettingValue?, origin: Origin) {
        self.setting = setting
        self.value = value
        self.origin = origin
    }

    /// A value that somebody gave.
    ///
    /// - Throws: ``SettingsError`` if it is not allowed.
    init(checking value: SettingValue, of setting: Setting, from origin: Origin) throws(SettingsError) {
        guard setting.allowed.holds(value) else {
            throw .wrongValue(setting, shown: value.shown, from: origin)
        }
        self.init(setting: setting, value: value, origin: origin)
    }
}

/// One checked reading for every key of the table, by key.
///
/// What is asked here with the wrong type, or is not in the table, is a mistake of ours and stops the program:
/// what users give has been checked by then.
struct Readings {
    let all: [Reading]
    private let byName: [String: Reading]

    /// Reads every key of the table, in its order; the first that is wrong is thrown.
    init(_ read: (Setting) throws(SettingsError) -> Reading) throws(SettingsError) {
        var all: [Reading] = []
        for setting in Setting.all {
            all.append(try read(setting))
        }
        self.init(all)
    }

    private init(_ all: [Reading]) {
        self.all = all
        self.byName = Dictionary(all.map { ($0.setting.name, $0) }) { first, _ in first }
    }

    /// The same once they agree: what nobody set gives way to what somebody did.
    ///
    /// - Throws: ``SettingsError`` if two that somebody set contradict each other.
    func agreeing() throws(SettingsError) -> Readings {
        let connections = number(.limitsConnections)
        if reading(of: .limitsListeners).origin == .standard {
            let most = min(number(.limitsListeners), connections / 2)
            return Readings(
                all.map {
                    $0.setting == .limitsListeners
                        ? Reading(setting: $0.setting, value: .number(most), origin: .standard) : $0
                })
        }
        guard number(.limitsListeners) <= connections else {
            throw .contradiction(
                reading(of: .limitsListeners), reading(of: .limitsConnections),
                "is more than", because: "each listener has a connection")
        }
        return self
    }

    func textIfSet(_ setting: Setting) -> String? {
        guard let value = reading(of: setting).value else { return nil }
        guard case .text(let text) = value else { preconditionFailure("\(setting.name) is not a text") }
        return text
    }

    func text(_ setting: Setting) -> String {
        guard let text = textIfSet(setting) else { preconditionFailure("\(setting.name) has no default") }
        return text
    }

    func number(_ setting: Setting) -> Int {
        guard case .number(let number)? = reading(of: setting).value else {
            preconditionFailure("\(setting.name) is not a number")
        }
        return number
    }

    func seconds(_ setting: Setting) -> Duration {
        .seconds(number(setting))
    }

    func list(_ setting: Setting) -> [String] {
        guard case .list(let texts)? = reading(of: setting).value else {
            preconditionFailure("\(setting.name) is not a list")
        }
        return texts
    }

    func word<Choice: RawRepresentable<String>>(_ setting: Setting) -> Choice {
        guard let choice = Choice(rawValue: text(setting)) else {
            preconditionFailure("\(setting.name) allows a word that its type does not know")
        }
        return choice
    }

    private func reading(of setting: Setting) -> Reading {
        guard let reading = byName[setting.name] else { preconditionFailure("\(setting.name) is not in the table") }
        return reading
    }
}

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

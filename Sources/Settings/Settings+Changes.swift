extension Settings {
    /// The names of settings that have another value than in `other`, in the order of the table.
    public func changes(from other: Settings) -> [String] {
        Setting.all.filter { $0.value(self) != $0.value(other) }.map(\.name)
    }
}

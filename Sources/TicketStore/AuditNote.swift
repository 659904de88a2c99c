/// Who changed what, as it is written into the audit beside the fact of the change, in the same step.
public struct AuditNote: Sendable, Equatable {
    /// The operator's key by its name in lists, or "-" for what was done at the machine itself.
    public var key: String
    /// The name that the key was made for.
    public var name: String
    /// What was done: `event.define`, `purchase.return` and so on.
    public var action: String
    /// What it was done to: an event's code, a hold, a purchase.
    public var subject: String

    public init(key: String, name: String, action: String, subject: String) {
        self.key = key
        self.name = name
        self.action = action
        self.subject = subject
    }
}

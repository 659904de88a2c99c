/// Who changed what. It is written into the audit in the same transaction as the fact of the change.
public struct AuditNote: Sendable, Equatable {
    /// The identifier of the operator's key; "-" for a change at the machine itself.
    public var key: String
    /// The name that the key was made for.
    public var name: String
    /// The change: `event.define`, `purchase.return` and so on.
    public var action: String
    /// What was changed: an event's code, a hold, a purchase.
    public var subject: String

    public init(key: String, name: String, action: String, subject: String) {
        self.key = key
        self.name = name
        self.action = action
        self.subject = subject
    }
}

public import StrictJSON

/// Who changed what, and why. It is written into the audit in the same transaction as the fact of the change (R49 Audit
/// differences).
public struct AuditNote: Sendable, Equatable {
    /// Bytes of a reason.
    public static let reasonLength = 1...500
    /// Bytes of all differences of a change as JSON. A store's record has room for twice as much.
    public static let mostDifferenceBytes = 32_768

    /// The identifier of the operator's key; "-" for a change at the machine itself.
    public var key: String
    /// The name that the key was made for.
    public var name: String
    /// The change: `event.define`, `purchase.return` and so on.
    public var action: String
    /// What was changed: an event's code, a hold, a purchase. Empty for a new hold: the store puts its number there.
    public var subject: String
    /// Why, in the operator's words; `nil` if they gave no reason.
    public var reason: String?
    /// The values before and after the change, as many as ``mostDifferenceBytes`` have room for.
    public private(set) var differences: [AuditDifference]
    /// Differences for which there was no room.
    public private(set) var leftOut: Int

    /// - Parameter differences: those that there is no room for are counted and not kept.
    public init(
        key: String, name: String, action: String, subject: String, reason: String? = nil,
        differences: [AuditDifference] = []
    ) {
        self.key = key
        self.name = name
        self.action = action
        self.subject = subject
        self.reason = reason
        self.differences = []
        leftOut = 0
        set(differences)
    }

    /// Replaces the differences.
    public mutating func set(_ differences: [AuditDifference]) {
        var bytes = 2
        let kept = differences.prefix { difference in
            var writer = JSONWriter()
            difference.write(to: &writer)
            bytes += writer.bytes.count + 1
            return bytes <= Self.mostDifferenceBytes
        }
        self.differences = Array(kept)
        leftOut = differences.count - kept.count
    }

    /// What a reason must have, in words.
    public static let reasonForm = "1 to 500 bytes and no control characters"

    /// Whether a text can be a reason: 1 to 500 bytes, none of them a control character.
    public static func isReason(_ text: String) -> Bool {
        reasonLength.contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    }
}

/// A value that a change replaced.
public struct AuditDifference: Sendable, Equatable {
    /// Where the value stands in what was changed, as a JSON pointer. Types stand under their codes, whatever their
    /// order.
    public var member: String
    /// `null` if there was nothing.
    public var from: JSONValue
    /// `null` if there is nothing any more.
    public var to: JSONValue

    public init(_ member: String, from: JSONValue, to: JSONValue) {
        self.member = member
        self.from = from
        self.to = to
    }

    /// Writes the difference as the next value: an object with `member`, `from` and `to`.
    public func write(to writer: inout JSONWriter) {
        writer.object { object in
            object.member("member", member)
            object.member("from") { $0.value(from) }
            object.member("to") { $0.value(to) }
        }
    }
}

// How stores keep differences: as a JSON text, with the number of those that were left out beside it.
extension AuditNote {
    /// The differences as a JSON text; `nil` if there are none.
    package var differencesText: String? {
        if differences.isEmpty { return nil }
        var writer = JSONWriter(reserving: 256)
        writer.array { array in
            for difference in differences { difference.write(to: &array) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A note as a store kept it. Differences that cannot be read are counted as left out, so that one record that is
    /// damaged does not hide the others.
    package init(
        key: String, name: String, action: String, subject: String, reason: String?, differencesText: String?,
        leftOut: Int
    ) {
        self.init(key: key, name: name, action: action, subject: subject, reason: reason)
        self.leftOut = leftOut
        guard let differencesText else { return }
        let limits = JSONLimits(bytes: 2 * Self.mostDifferenceBytes, depth: 32)
        guard case .array(let items)? = try? JSONValue.read(differencesText.utf8, limits: limits) else {
            self.leftOut += 1
            return
        }
        for item in items {
            guard let difference = AuditDifference(item) else {
                self.leftOut += 1
                continue
            }
            differences.append(difference)
        }
    }
}

extension AuditDifference {
    fileprivate init?(_ value: JSONValue) {
        guard case .object(let members) = value, members.map(\.name) == ["member", "from", "to"],
            case .string(let member) = members[0].value
        else { return nil }
        self.init(member, from: members[1].value, to: members[2].value)
    }
}

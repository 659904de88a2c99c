extension JSONValue {
    /// This value with `patch` merged into it (RFC 7396): objects are merged member by member, `null` removes a member,
    /// and everything else is replaced. Old members keep their order, new ones come last.
    public func merged(with patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members = if case .object(let members) = self { members } else { [Member]() }
        for change in changes {
            let position = members.firstIndex { $0.name == change.name }
            if change.value == .null {
                if let position { members.remove(at: position) }
            } else if let position {
                members[position].value = members[position].value.merged(with: change.value)
            } else {
                members.append(Member(change.name, JSONValue.null.merged(with: change.value)))
            }
        }
        return .object(members)
    }
}

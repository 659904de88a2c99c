public import BoxOffice

/// Which of operators' changes are asked for.
public struct AuditFilter: Sendable, Equatable {
    /// Entries that are read at once to find those that match, which bounds memory: each has 50 KiB at the most.
    static let page = 200

    /// Only what is about these events; `nil` for everything.
    public var events: [Code]?
    /// Only what was done with the key that has this identifier; "-" for changes at the machine.
    public var key: String?
    /// Only what was done from this moment on.
    public var since: WallTime?

    public init(events: [Code]? = nil, key: String? = nil, since: WallTime? = nil) {
        self.events = events
        self.key = key
        self.since = since
    }

    /// Whether an entry about the right events matches.
    public func matches(_ record: AuditRecord) -> Bool {
        (key.map { $0 == record.note.key } ?? true) && (since.map { record.at >= $0 } ?? true)
    }
}

extension SalesLedger {
    /// Operators' changes after `sequence` that match, in the order of their decisions.
    ///
    /// All changes since then are read until enough match. Operators change little.
    public func audit(_ filter: AuditFilter, after sequence: UInt64?, limit: Int) async throws -> [AuditRecord] {
        try await audit(filter, from: sequence, limit: limit) { from in
            try await audit(of: filter.events, after: from, limit: AuditFilter.page)
        }
    }

    /// Operators' changes before `sequence` that match, the newest first.
    public func newestAudit(
        _ filter: AuditFilter, before sequence: UInt64?, limit: Int
    ) async throws -> [AuditRecord] {
        try await audit(filter, from: sequence, limit: limit) { from in
            try await newestAudit(of: filter.events, before: from, limit: AuditFilter.page)
        }
    }

    private func audit(
        _ filter: AuditFilter, from sequence: UInt64?, limit: Int,
        _ read: (UInt64?) async throws -> [AuditRecord]
    ) async throws -> [AuditRecord] {
        var found: [AuditRecord] = []
        var from = sequence
        while found.count < limit {
            let page = try await read(from)
            found += page.filter(filter.matches).prefix(limit - found.count)
            guard page.count == AuditFilter.page, let last = page.last else { break }
            from = last.sequence
        }
        return found
    }
}

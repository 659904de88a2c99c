internal import NIOCore

/// The requests of one event loop that the store has not answered yet.
struct PendingReplies {
    private struct Entry {
        let handler: FastPathHandler
        let slot: Int
        let asked: NIODeadline
    }

    /// By ticket. As many as ever waited at once: ``AnswerQueue/mostRequests`` of each connection at the most.
    private var entries: [Entry?] = []
    private var freeTickets: [Int] = []

    /// Requests that wait.
    var count: Int { entries.count - freeTickets.count }

    /// - Parameters:
    ///   - slot: the request's in the queue of its connection.
    ///   - asked: when the store is asked.
    /// - Returns: the ticket that the reply comes back with.
    mutating func add(_ handler: FastPathHandler, _ slot: Int, asked: NIODeadline) -> Int {
        let entry = Entry(handler: handler, slot: slot, asked: asked)
        guard let ticket = freeTickets.popLast() else {
            entries.append(entry)
            return entries.count - 1
        }
        entries[ticket] = entry
        return ticket
    }

    /// Who waited; `nil` if the ticket is free.
    @discardableResult
    mutating func remove(_ ticket: Int) -> (FastPathHandler, slot: Int, asked: NIODeadline)? {
        guard let entry = entries[ticket] else { return nil }
        entries[ticket] = nil
        freeTickets.append(ticket)
        return (entry.handler, entry.slot, entry.asked)
    }
}

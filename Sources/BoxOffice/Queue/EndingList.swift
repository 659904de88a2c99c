internal import DequeModule

/// What ends by itself at a moment unless it is removed before: turns and holds of a queue.
///
/// Nothing that ends late keeps what is behind it from ending (Q7 Admission). Ends nearly always come in their order, so adding
/// one costs the same however many there are.
struct EndingList<Element: Hashable & Sendable>: Sendable, Equatable {
    private struct End: Sendable, Equatable {
        var element: Element
        var at: Timestamp
    }

    /// The earliest end first. What was removed stays here until its end.
    private var ends = Deque<End>()
    private var elements: Set<Element> = []

    var count: Int { elements.count }

    mutating func insert(_ element: Element, endingAt end: Timestamp) {
        elements.insert(element)
        var index = ends.count
        while index > 0, ends[index - 1].at > end { index -= 1 }
        ends.insert(End(element: element, at: end), at: index)
    }

    /// - Returns: whether it had not ended and was not removed before.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        elements.remove(element) != nil
    }

    /// Takes out one that ended by `now`; `nil` if there is none.
    mutating func takeEnded(at now: Timestamp) -> Element? {
        while let first = ends.first, first.at <= now {
            ends.removeFirst()
            if elements.remove(first.element) != nil { return first.element }
        }
        return nil
    }
}

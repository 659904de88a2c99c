/// The part of a long list that a page shows.
struct ListStretch<Element> {
    let shown: ArraySlice<Element>
    /// Where the next page begins, as the query has it; `nil` for the last one.
    let next: Int?

    /// - Parameters:
    ///   - start: the member of the query that says where the page begins. What is not a place in the list means the beginning.
    ///   - most: elements of a page.
    init(_ all: [Element], from start: String?, most: Int) {
        let asked = start.flatMap { Int($0) } ?? 0
        let first = all.indices.contains(asked) ? asked : 0
        let end = min(first + most, all.count)
        shown = all[first..<end]
        next = end < all.count ? end : nil
    }
}

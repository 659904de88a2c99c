/// A list that is never empty. Nearly always it has one element, which needs no allocation.
public struct OneOrMore<Element>: RandomAccessCollection {
    public var first: Element
    public var rest: [Element]

    public init(_ first: Element, _ rest: [Element] = []) {
        self.first = first
        self.rest = rest
    }

    /// `nil` if `elements` is empty.
    @inlinable
    public init?(_ elements: some Sequence<Element>) {
        var iterator = elements.makeIterator()
        guard let first = iterator.next() else { return nil }
        self.first = first
        self.rest = []
        while let next = iterator.next() { rest.append(next) }
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { rest.count + 1 }

    public subscript(position: Int) -> Element {
        get { position == 0 ? first : rest[position - 1] }
        set { if position == 0 { first = newValue } else { rest[position - 1] = newValue } }
    }

    public func map<Other, Failure: Error>(
        _ transform: (Element) throws(Failure) -> Other
    ) throws(Failure) -> OneOrMore<Other> {
        OneOrMore<Other>(try transform(first), rest.isEmpty ? [] : try rest.map(transform))
    }
}

extension OneOrMore: Sendable where Element: Sendable {}
extension OneOrMore: Equatable where Element: Equatable {}
extension OneOrMore: Hashable where Element: Hashable {}

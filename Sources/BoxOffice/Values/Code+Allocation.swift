// The names of allocations within their pools and types (R45 Allocations).

extension Code {
    /// What keeps the two parts apart. No code that an operator writes contains it.
    private static let mark = UInt8(ascii: "/")

    /// The name of an allocation of a pool, and of a type through an allocation: `floor/guests`.
    ///
    /// - Precondition: both are codes without an allocation.
    public init(_ whole: Code, allocation: Code) {
        precondition(whole.allocation == nil && allocation.allocation == nil, "an allocation has no allocations")
        self.init(unchecked: "\(whole.text)/\(allocation.text)")
    }

    /// A code, or the name of an allocation, as a store kept it; `nil` if `text` is neither.
    public init?(kept text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Code(String($0)) }
        switch (parts.count, parts.first ?? nil, parts.last ?? nil) {
        case (1, let code?, _): self = code
        case (2, let whole?, let allocation?): self.init(whole, allocation: allocation)
        default: return nil
        }
    }

    /// The pool or the type, without the allocation.
    public var whole: Code {
        text.utf8.firstIndex(of: Self.mark).map { Code(unchecked: String(text[..<$0])) } ?? self
    }

    /// The allocation, if this is the name of one.
    public var allocation: Code? {
        text.utf8.firstIndex(of: Self.mark).map { Code(unchecked: String(text[text.utf8.index(after: $0)...])) }
    }
}

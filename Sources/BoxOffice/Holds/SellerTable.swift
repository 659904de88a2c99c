/// The names under which keys sell, by index (R48 Operator keys). A hold has 16 bits for the index.
struct SellerTable: Sendable, Equatable {
    private var names: [Seller] = []
    private var indexes: [Seller: UInt16] = [:]

    /// The name of an index; `nil` for 0, which is nobody.
    func name(of index: UInt16) -> Seller? {
        index == 0 ? nil : names[Int(index) - 1]
    }

    /// The index of a name, which is added if it is new. More names than 16 bits can count get 0: there are at most 10,000
    /// keys, and only a repeat by another shop is answered by it.
    mutating func enter(_ name: Seller?) -> UInt16 {
        guard let name else { return 0 }
        if let index = indexes[name] { return index }
        guard names.count < UInt16.max else { return 0 }
        names.append(name)
        indexes[name] = UInt16(names.count)
        return UInt16(names.count)
    }
}

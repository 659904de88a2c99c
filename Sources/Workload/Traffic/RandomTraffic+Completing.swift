import BoxOffice

extension RandomTraffic {
    private static let sellers: [Completer] =
        [.key]
        + [("north", true), ("south", true), ("desk", false)].compactMap { name, isShop in
            Seller(name).map { .seller($0, isShop: isShop) }
        }

    /// Mostly a token; else in turn a key that names no seller, one of two shops, or an operator.
    mutating func completer() -> Completer {
        chance.chance(40) ? Self.sellers[made % Self.sellers.count] : .token
    }
}

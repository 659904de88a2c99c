package import BoxOffice

extension SaleEntry {
    /// What went back of a purchase: its partial returns (R39 Partial return), then all that was left.
    ///
    /// - Parameters:
    ///   - lines: of the whole purchase.
    ///   - parts: the moment of each, and how many tickets of each line.
    ///   - rest: when all that was left was returned; `nil` if it was not.
    package static func returned(
        of lines: [SoldLine], parts: [(at: WallTime, quantities: [Int])], rest: WallTime?
    ) -> [Returned] {
        var left = lines.map(\.quantity)
        var returned: [Returned] = []
        func take(_ quantities: [Int], at moment: WallTime) {
            let taken = zip(lines, quantities).filter { $1 > 0 }.map { line, quantity in
                SoldLine(type: line.type, allocation: line.allocation, quantity: quantity, price: line.price)
            }
            if !taken.isEmpty { returned.append(Returned(at: moment, lines: taken)) }
        }
        for part in parts {
            take(part.quantities, at: part.at)
            for (index, quantity) in part.quantities.enumerated() where left.indices.contains(index) {
                left[index] -= quantity
            }
        }
        if let rest { take(left, at: rest) }
        return returned
    }
}

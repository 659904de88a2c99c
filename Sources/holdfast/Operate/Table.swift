/// Rows in columns, for people.
enum Table {
    /// Lines with each column as wide as its widest cell; the last one ends where it ends.
    ///
    /// - Parameter right: columns of numbers, which stand at their right edge.
    static func lines(_ rows: [[String]], right: Set<Int> = []) -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                if right.contains(column) {
                    String(repeating: " ", count: widths[column] - cell.count) + cell
                } else {
                    column == row.count - 1 ? cell : cell.padded(to: widths[column])
                }
            }.joined(separator: "  ")
        }
    }
}

extension String {
    /// The text with spaces behind it, `width` characters long at the least.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

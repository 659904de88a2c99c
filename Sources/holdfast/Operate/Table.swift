/// Formats rows in columns, for people.
enum Table {
    /// Lines in which each column is as wide as its widest cell. The last column is not padded.
    ///
    /// - Parameter right: columns of numbers, which are aligned to the right.
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
    /// The text, padded with spaces to at least `width` characters.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

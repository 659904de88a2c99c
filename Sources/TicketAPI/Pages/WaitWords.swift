package import Pages

/// How long an entry may still wait, as a range that people can take in (Q8 Honest information).
package struct WaitWords {
    private let seconds: ClosedRange<Int>

    /// - Parameter secondsPerHundred: how long a hundred people take.
    package init(ahead: Int, secondsPerHundred: ClosedRange<Int>) {
        func reckon(_ each: Int) -> Int { ahead * each / 100 }
        seconds = reckon(secondsPerHundred.lowerBound)...reckon(secondsPerHundred.upperBound)
    }

    /// Longer than so many minutes is said in hours.
    private static let mostMinutes = 120

    package func text(in language: Language) -> String {
        let most = max(1, (seconds.upperBound + 59) / 60)
        if most <= 1 { return Pages.text("queue.wait.soon", in: language) }
        let unit = most > Self.mostMinutes ? "hours" : "minutes"
        let size = most > Self.mostMinutes ? 3_600 : 60
        let from = max(1, seconds.lowerBound / size)
        let to = (seconds.upperBound + size - 1) / size
        let key = from < to ? "queue.wait.\(unit)" : "queue.wait.about_\(unit)"
        return Pages.text(key, ["from": .number(from), "to": .number(to)], in: language)
    }
}

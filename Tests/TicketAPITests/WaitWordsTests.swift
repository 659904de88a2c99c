import Pages
import Testing
import TicketAPI

@Suite("Q8 Honest information: a wait is a range that people can take in")
struct WaitWordsTests {
    @Test(
        "Minutes up to two hours, then hours; never less than about a minute, and never a range of nothing",
        arguments: [
            (0, 10...20, "about a minute"), (1, 10...20, "about a minute"), (300, 10...20, "about a minute"),
            (305, 10...20, "1 to 2 minutes"), (1_000, 12...12, "about 2 minutes"), (1_200, 10...20, "2 to 4 minutes"),
            (1_200, 10...10, "about 2 minutes"), (7_200, 50...100, "60 to 120 minutes"),
            (7_201, 50...100, "1 to 3 hours"), (10_800, 100...100, "about 3 hours"),
            (5_000_000, 10...19, "138 to 264 hours"),
        ] as [(Int, ClosedRange<Int>, String)])
    func words(_ ahead: Int, _ pace: ClosedRange<Int>, _ expected: String) {
        #expect(WaitWords(ahead: ahead, secondsPerHundred: pace).text(in: .english) == expected)
    }
}

import Testing
import TicketStore

@Suite("A histogram of sizes")
struct SizeHistogramTests {
    @Test(
        "Each size is in the first step whose bound is not smaller",
        arguments: [
            (-1, 0), (0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (65_536, 16), (65_537, 17),
            (Int.max, 17),
        ])
    func steps(size: Int, step: Int) {
        var histogram = SizeHistogram()
        histogram.add(size)
        #expect(histogram.counts.firstIndex(of: 1) == step)
        #expect(histogram.count == 1)
        #expect(histogram.sum == UInt64(max(0, size)))
    }
}

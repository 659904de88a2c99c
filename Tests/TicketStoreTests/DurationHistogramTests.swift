import Testing
import TicketStore

@Suite("A histogram of durations")
struct DurationHistogramTests {
    @Test("Each duration is below the end of its step, and not below the end of the one before")
    func steps() {
        var microseconds: UInt64 = 0
        while microseconds < 200_000_000 {
            var histogram = DurationHistogram()
            histogram.add(nanoseconds: Int64(microseconds * 1_000 + 999))
            let step = histogram.counts.firstIndex(of: 1) ?? -1
            if let end = DurationHistogram.end(of: step) { #expect(microseconds < end) }
            if step > 0, let before = DurationHistogram.end(of: step - 1) { #expect(microseconds >= before) }
            microseconds += 1 + microseconds / 7
        }
        let ends = (0..<DurationHistogram.steps).compactMap { DurationHistogram.end(of: $0) }
        #expect(ends == ends.sorted())
        #expect(ends.prefix(6) == [16, 20, 24, 28, 32, 40])
        #expect(ends.last == 1 << 26)
    }

    @Test("Percentiles are at most a quarter too high, sums add up, and none has none")
    func percentiles() {
        var histogram = DurationHistogram()
        #expect(histogram.percentile(50) == nil)
        for millisecond in 1...100 { histogram.add(.milliseconds(millisecond)) }
        #expect(histogram.count == 100)
        #expect(histogram.nanoseconds == 5_050_000_000)
        for share in [UInt64(1), 50, 99, 100] {
            let found = histogram.percentile(share) ?? 0
            #expect(found >= share * 1_000 && found <= share * 1_250, "\(share): \(found)")
        }
        var sum = DurationHistogram()
        sum += histogram
        sum += histogram
        sum += DurationHistogram()
        #expect(sum.count == 200)
        #expect(sum.percentile(50) == histogram.percentile(50))
        var odd = DurationHistogram()
        odd.add(nanoseconds: -5)
        odd.add(.seconds(1_000_000))
        #expect(odd.percentile(1) == 16)
        #expect(odd.percentile(100) == 1 << 26)
    }
}

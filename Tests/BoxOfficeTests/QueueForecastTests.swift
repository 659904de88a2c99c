import BoxOffice
import Testing

@Suite("Q8 Honest information: odds in words, and ranges of time from what was measured")
struct QueueForecastTests {
    /// The borders follow by hand: with 1,000 places and people who each take exactly two, the odds turn at 499 ahead.
    @Test("People who all take the same end the odds at one person")
    func exact() {
        let forecast = QueueForecast(left: 1_000, asked: 2, bought: 2, variance: 0, uncertainty: 0)
        #expect(forecast.odds(ahead: 0) == .likely && forecast.odds(ahead: 499) == .likely)
        #expect(forecast.odds(ahead: 500) == .hardly)
        for odds in [QueueForecast.Odds.likely, .open, .unlikely] {
            #expect(forecast.people(with: odds, most: 5_000) == 500)
            #expect(forecast.people(with: odds, most: 300) == 300)
        }
        #expect(forecast.people(with: .hardly, most: 300) == 300)
    }

    /// `L − q̄ − kμ = 0` at k = 499 is a probability of a half; the others are the quantiles of the normal distribution.
    @Test(
        "The words change where the probability is 0.8, 0.2 and 0.05",
        arguments: [
            (ahead: 0, odds: QueueForecast.Odds.likely), (471, .likely), (472, .open), (499, .open), (526, .open),
            (528, .open), (529, .unlikely), (557, .unlikely), (558, .hardly), (100_000, .hardly),
        ])
    func words(ahead: Int, odds: QueueForecast.Odds) {
        let forecast = QueueForecast(left: 1_000, asked: 2, bought: 2, variance: 9, uncertainty: 0)
        #expect(forecast.odds(ahead: ahead) == odds, "\(forecast.score(ahead: Double(ahead)))")
    }

    @Test("As many people have a word as the borders say, and uncertainty makes the middle wider")
    func borders() {
        let known = QueueForecast(left: 20_000, asked: 2.7, bought: 1.6, variance: 3, uncertainty: 0)
        let guessed = QueueForecast(left: 20_000, asked: 2.7, bought: 1.6, variance: 3, uncertainty: 0.04)
        for forecast in [known, guessed] {
            for odds in [QueueForecast.Odds.likely, .open, .unlikely] {
                let people = forecast.people(with: odds, most: 200_000)
                #expect(forecast.odds(ahead: people - 1) >= odds && forecast.odds(ahead: people) < odds)
            }
        }
        #expect(guessed.people(with: .likely, most: 200_000) < known.people(with: .likely, most: 200_000))
        #expect(guessed.people(with: .unlikely, most: 200_000) > known.people(with: .unlikely, most: 200_000))
    }

    @Test("With nothing left nobody has odds, and with less than a person asks for only the next one")
    func scarce() {
        var forecast = QueueForecast(left: 0, asked: 2, bought: 1, variance: 1, uncertainty: 0.1)
        #expect(forecast.people(with: .unlikely, most: 100) == 0 && forecast.odds(ahead: 0) == .hardly)
        forecast.left = 1
        #expect(forecast.people(with: .likely, most: 100) == 1 && forecast.odds(ahead: 0) == .likely)
        #expect(forecast.odds(ahead: 90) == .hardly)
    }

    @Test("The pace is what was called in the last minute, and a range spans what was measured")
    func pace() {
        var pace = QueuePace()
        #expect(pace.secondsPerHundred(at: at(0)) == nil && pace.calledPerMinute(at: at(0)) == 0)
        // 10 a second for five minutes, then 2 a second for a minute.
        for second in 0...300 { pace.note(head: UInt32(second * 10), at: at(second)) }
        #expect(pace.calledPerMinute(at: at(300)) == 600)
        #expect(pace.secondsPerHundred(at: at(300)) == 8...12)
        for second in 301...360 { pace.note(head: UInt32(3_000 + (second - 300) * 2), at: at(second)) }
        #expect((120...170).contains(pace.calledPerMinute(at: at(360))))
        let range = pace.secondsPerHundred(at: at(360))
        #expect(range.map { $0.lowerBound <= 12 && $0.upperBound >= 45 } == true, "\(String(describing: range))")
        // Where nothing moves the last minute has no rate, and the others grow.
        for second in 361...900 { pace.note(head: 3_120, at: at(second)) }
        #expect(pace.calledPerMinute(at: at(900)) == 0)
        #expect(pace.secondsPerHundred(at: at(900)).map { $0.upperBound > 100 } ?? true)
    }

    private func at(_ second: Int) -> Timestamp { Timestamp(milliseconds: Int64(second) * 1_000) }
}

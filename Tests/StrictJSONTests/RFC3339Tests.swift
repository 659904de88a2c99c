import Foundation
import StrictJSON
import Testing
import Workload

@Suite("Moments in RFC 3339")
struct RFC3339Tests {
    @Test(
        "A moment has one way to be written, and is read back from it",
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1),
            ("1969-12-31T00:00:00.000Z", -86_400_000), ("2001-09-09T01:46:40.000Z", 1_000_000_000_000),
            ("2000-02-28T23:59:59.999Z", 951_782_399_999), ("2000-02-29T00:00:00.000Z", 951_782_400_000),
            ("2000-03-01T00:00:00.000Z", 951_868_800_000), ("2023-12-31T23:59:59.999Z", 1_704_067_199_999),
            ("2024-01-01T00:00:00.000Z", 1_704_067_200_000), ("2024-02-29T12:00:00.000Z", 1_709_208_000_000),
            ("2026-11-24T05:44:59.123Z", 1_795_499_099_123), ("1900-02-28T23:59:59.000Z", -2_203_891_201_000),
            ("1900-03-01T00:00:00.000Z", -2_203_891_200_000), ("0000-01-01T00:00:00.000Z", -62_167_219_200_000),
            ("0000-02-29T00:00:00.000Z", -62_162_121_600_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] as [(String, Int64)])
    func canonical(text: String, milliseconds: Int64) {
        #expect(RFC3339.milliseconds(of: text) == milliseconds)
        #expect(RFC3339.text(of: milliseconds) == text)
    }

    @Test(
        "Offsets, fractions and small letters are read",
        arguments: [
            ("1970-01-01t00:00:00z", 0), ("1970-01-01T00:00:00+00:00", 0), ("1970-01-01T00:00:00-00:00", 0),
            ("1970-01-01T02:00:00+02:00", 0), ("1969-12-31T18:30:00-05:30", 0), ("1970-01-01T23:59:00+23:59", 0),
            ("1969-12-31T00:01:00-23:59", 0), ("1970-01-01T00:00:00.5Z", 500), ("1970-01-01T00:00:00.05Z", 50),
            ("1970-01-01T00:00:00.123456789Z", 123), ("1970-01-01T00:00:00.999999999+00:00", 999),
            ("1970-01-01T00:00:00.0009Z", 0), ("1969-12-31T23:59:59.9999Z", -1),
            ("2000-02-29T23:59:59-00:01", 951_868_859_000), ("0000-01-01T00:00:00-01:00", -62_167_215_600_000),
            ("9999-12-31T23:59:59.999+00:01", 253_402_300_739_999),
        ] as [(String, Int64)])
    func lenient(text: String, milliseconds: Int64) {
        #expect(RFC3339.milliseconds(of: text) == milliseconds)
    }

    @Test(
        "What is not a moment of the calendar is refused",
        arguments: [
            "", "2026", "2026-11-24", "2026-11-24T05:44:59", "2026-11-24 05:44:59Z", "2026-11-24T05:44Z",
            "2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z", "2026-06-31T00:00:00Z", "2026-09-31T00:00:00Z", "2026-11-31T00:00:00Z",
            "2026-01-32T00:00:00Z", "2026-12-00T00:00:00Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
            "2026-11-24T24:00:00Z", "2026-11-24T23:60:00Z", "2016-12-31T23:59:60Z", "2026-11-24T05:44:59.Z",
            "2026-11-24T05:44:59.1234567890Z", "2026-11-24T05:44:59,5Z", "2026-11-24T05:44:59+24:00",
            "2026-11-24T05:44:59+01:60", "2026-11-24T05:44:59+0100", "2026-11-24T05:44:59+01",
            "2026-11-24T05:44:59+01:00Z", "2026-11-24T05:44:59ZZ", "2026-11-24T05:44:59Z ", " 2026-11-24T05:44:59Z",
            "2026-11-24T05:44:59x", "20261-11-24T05:44:59Z", "-026-11-24T05:44:59Z", "+2026-11-24T05:44:59Z",
            "2026-1-024T05:44:59Z", "2026/11/24T05:44:59Z", "2026-11-24T-5:44:59Z", "2026-11-24T05:44:5 Z",
            "２026-11-24T05:44:59Z", "2026-11-24T05:44:59\0Z", "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01", "2026-11-24T05:44:59.123456789+01:000",
        ])
    func refused(text: String) {
        #expect(RFC3339.milliseconds(of: text) == nil)
    }

    @Test("What no document can hold is written as the nearest moment that one can")
    func clamped() {
        #expect(RFC3339.text(of: .min) == "0000-01-01T00:00:00.000Z")
        #expect(RFC3339.text(of: RFC3339.first - 1) == "0000-01-01T00:00:00.000Z")
        #expect(RFC3339.text(of: RFC3339.last + 1) == "9999-12-31T23:59:59.999Z")
        #expect(RFC3339.text(of: .max) == "9999-12-31T23:59:59.999Z")
    }

    @Test("Every day of 400 years follows the one before, and every month ends when it must")
    func everyDay() throws {
        let start = try #require(RFC3339.milliseconds(of: "1900-01-01T00:00:00Z"))
        var expected = (year: 1900, month: 1, day: 1)
        for number in 0..<Int64(146_097) {
            let text = RFC3339.text(of: start + number * 86_400_000)
            let date =
                "\(expected.year)-" + (expected.month < 10 ? "0" : "") + "\(expected.month)-"
                + (expected.day < 10 ? "0" : "") + "\(expected.day)T00:00:00.000Z"
            guard text == date, RFC3339.milliseconds(of: date) == start + number * 86_400_000 else {
                Issue.record("\(text) is not \(date)")
                return
            }
            let isLeap = expected.year % 4 == 0 && expected.year % 100 != 0 || expected.year % 400 == 0
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            expected.day += 1
            if expected.day > lengths[expected.month - 1] { expected = (expected.year, expected.month + 1, 1) }
            if expected.month > 12 { expected = (expected.year + 1, 1, 1) }
        }
        #expect(expected == (2300, 1, 1))
    }

    @Test("Random moments survive being written, also with an offset", arguments: [20_261_124 as UInt64])
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let moment = Int64.random(in: RFC3339.first...RFC3339.last, using: &random)
            #expect(RFC3339.milliseconds(of: RFC3339.text(of: moment)) == moment)
            let minutes = Int64.random(in: 0..<1_440, using: &random)
            let ahead = moment + minutes * 60_000
            guard ahead <= RFC3339.last else { continue }
            let clock = "+\(minutes / 600)\(minutes / 60 % 10):\(minutes % 60 / 10)\(minutes % 10)"
            #expect(RFC3339.milliseconds(of: RFC3339.text(of: ahead).dropLast() + clock) == moment)
        }
    }

    @Test("Another calendar agrees since its own began", arguments: [20_261_124 as UInt64])
    func foundationAgrees(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let style = Date.ISO8601FormatStyle()
        for _ in 0..<1_000 {
            let seconds = Int64.random(in: -10_000_000_000...253_402_300_799, using: &random)
            let text = Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(style)
            #expect(RFC3339.milliseconds(of: text) == seconds * 1_000)
        }
    }
}

/// Moments as RFC 3339 writes them, `2026-11-24T05:44:59.123Z`: read and written as milliseconds since
/// 1970-01-01T00:00:00Z.
///
/// The calendar uses Howard Hinnant's "chrono-compatible low-level date algorithms": a year that begins in March ends
/// with the leap day, and 400 such years always have 146,097 days.
public enum RFC3339 {
    /// 0000-01-01T00:00:00.000Z, the first moment that RFC 3339 can write.
    public static let first: Int64 = -62_167_219_200_000
    /// 9999-12-31T23:59:59.999Z, the last one.
    public static let last: Int64 = 253_402_300_799_999

    /// The moment that `text` writes; `nil` if it is not a moment of the calendar.
    ///
    /// Accepts every offset from UTC, a fraction of one to nine digits (parts of a millisecond are dropped), and lower
    /// case `t` and `z`. Refuses a space instead of the `T`, hour 24, leap seconds (no clock here shows one), and
    /// moments that their offset moves out of the years 0000 to 9999.
    public static func milliseconds(of text: String) -> Int64? {
        // The shortest text is "2026-11-24T05:44:59Z", the longest has nine digits and an offset. No longer one is
        // copied.
        guard (20...35).contains(text.utf8.count) else { return nil }
        var text = DigitReader(bytes: [UInt8](text.utf8))
        guard let year = text.digits(4), text.skip("-"),
            let month = text.digits(2), text.skip("-"), (1...12).contains(month),
            let day = text.digits(2), text.skip("T") || text.skip("t"),
            (1...days(inMonth: month, of: year)).contains(day),
            let hour = text.digits(2), hour <= 23, text.skip(":"),
            let minute = text.digits(2), minute <= 59, text.skip(":"),
            let second = text.digits(2), second <= 59,
            let fraction = text.fraction(),
            let offset = text.offset(), text.isAtEnd
        else { return nil }
        let minutes = (days(toYear: year, month: month, day: day) * 24 + hour) * 60 + minute - offset
        let moment = (minutes * 60 + second) * 1_000 + fraction
        return (first...last).contains(moment) ? moment : nil
    }

    /// The moment in UTC with three digits of a second. Moments before ``first`` and after ``last`` are written as
    /// these, because RFC 3339 cannot write them, and a text that cannot be read again would be worse.
    public static func text(of milliseconds: Int64) -> String {
        String(decoding: bytes(of: milliseconds), as: UTF8.self)
    }

    /// The 24 bytes of ``text(of:)``, without quotation marks.
    public static func bytes(of milliseconds: Int64) -> [UInt8] {
        var text = [UInt8]()
        text.reserveCapacity(24)
        // Rounds down also before 1970, where an ordinary division would round up.
        let (days, rest) = divide(min(max(milliseconds, first), last), by: 86_400_000)
        let (year, month, day) = civil(days)
        append(year, digits: 1_000, then: "-", to: &text)
        append(month, digits: 10, then: "-", to: &text)
        append(day, digits: 10, then: "T", to: &text)
        append(rest / 3_600_000, digits: 10, then: ":", to: &text)
        append(rest / 60_000 % 60, digits: 10, then: ":", to: &text)
        append(rest / 1_000 % 60, digits: 10, then: ".", to: &text)
        append(rest % 1_000, digits: 100, then: "Z", to: &text)
        return text
    }

    /// Appends the digits of `value`, beginning with the one for `highest` (1, 10, 100, …), then `mark`.
    private static func append(
        _ value: Int64, digits highest: Int64, then mark: Unicode.Scalar, to text: inout [UInt8]
    ) {
        var unit = highest
        while unit > 0 {
            text.append(UInt8(ascii: "0") + UInt8(value / unit % 10))
            unit /= 10
        }
        text.append(UInt8(ascii: mark))
    }

    // MARK: - The calendar

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 to the day.
    private static func days(toYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let (era, yearOfEra) = divide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date that is `days` days after 1970-01-01.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    /// Division that rounds down, with a remainder that is never negative.
    private static func divide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// Takes digits and marks from the front of a text.
private struct DigitReader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    /// The number that exactly `count` digits write.
    mutating func digits(_ count: Int) -> Int64? {
        guard position + count <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<(position + count)] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        position += count
        return value
    }

    /// Skips `mark` if it is next; returns whether it was.
    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        guard !isAtEnd, bytes[position] == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    /// The milliseconds behind the point; 0 if there is no point.
    mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        var milliseconds: Int64 = 0
        var count = 0
        while let digit = digits(1) {
            count += 1
            if count <= 3 {
                milliseconds = milliseconds * 10 + digit
            }
        }
        guard (1...9).contains(count) else { return nil }
        for _ in min(count, 3)..<3 {
            milliseconds *= 10
        }
        return milliseconds
    }

    /// The offset from UTC in minutes.
    mutating func offset() -> Int64? {
        if skip("Z") || skip("z") { return 0 }
        let isAhead = skip("+")
        guard isAhead || skip("-"),
            let hours = digits(2), hours <= 23, skip(":"), let minutes = digits(2), minutes <= 59
        else { return nil }
        return (isAhead ? 1 : -1) * (hours * 60 + minutes)
    }
}

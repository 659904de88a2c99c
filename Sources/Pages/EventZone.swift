internal import Foundation
internal import StrictJSON

/// The time zone in which people read an event's times, by the rules that Foundation knows.
package struct EventZone: Sendable {
    /// As the IANA database has it.
    package let name: String
    private let zone: TimeZone

    /// - Returns: `nil` if its rules are not known here.
    package init?(_ name: String) {
        guard let zone = TimeZone(identifier: name) else { return nil }
        self.name = name
        self.zone = zone
    }

    /// Seconds by which clocks there are ahead of UTC; whole minutes, as calendars write it. (Before there were zones, places
    /// had seconds of their own.)
    package func offset(at milliseconds: Int64) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(milliseconds) / 1_000)) / 60 * 60
    }

    /// The moment as clocks there show it, with their distance from UTC: `2026-11-30T20:00:00+01:00`.
    package func text(ofMoment milliseconds: Int64) -> String {
        let offset = offset(at: milliseconds)
        return EventTime(milliseconds, offset: offset).text + Self.text(ofOffset: offset, with: ":")
    }

    static func text(ofOffset seconds: Int, with separator: String) -> String {
        let minutes = abs(seconds) / 60
        return (seconds < 0 ? "-" : "+") + twoDigits(minutes / 60) + separator + twoDigits(minutes % 60)
    }

    private static func twoDigits(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
}

/// Day and time of a moment, as clocks show it that are `offset` seconds ahead of UTC.
struct EventTime {
    /// `2026-11-30T20:00:00`
    let text: String
    /// Days since 1 January 1970.
    let days: Int64

    init(_ milliseconds: Int64, offset: Int) {
        let local = min(max(milliseconds + Int64(offset) * 1_000, RFC3339.first), RFC3339.last)
        text = String(RFC3339.text(of: local).prefix(19))
        let day: Int64 = 86_400_000
        days = local >= 0 ? local / day : -((day - 1 - local) / day)
    }

    var date: Substring { text.prefix(10) }
    /// `20:00`
    var time: Substring { text.dropFirst(11).prefix(5) }
    /// 0 for Monday.
    var weekday: Int { Int(((days + 3) % 7 + 7) % 7) }
    /// Without the marks between its numbers, as calendars have it.
    var digits: String { text.filter { $0 != "-" && $0 != ":" } }
}

extension Language {
    /// From when to when something is, in the time of its zone: "Monday, 30 November 2026, 20:00–23:00 (Europe/Berlin)".
    package func text(from start: Int64, to end: Int64?, in zone: EventZone) -> String {
        let first = EventTime(start, offset: zone.offset(at: start))
        let hour = self == .german ? " Uhr" : ""
        var text = "\(day(first)), \(first.time)"
        if let end {
            let last = EventTime(end, offset: zone.offset(at: end))
            text += last.days == first.days ? "–\(last.time)" : "\(hour) – \(day(last)), \(last.time)"
        }
        return text + "\(hour) (\(zone.name))"
    }

    private func day(_ time: EventTime) -> String {
        let parts = time.date.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3 else { return String(time.date) }
        return switch self {
        case .english: "\(Self.englishDays[time.weekday]), \(parts[2]) \(Self.englishMonths[parts[1] - 1]) \(parts[0])"
        case .german: "\(Self.germanDays[time.weekday]), \(parts[2]). \(Self.germanMonths[parts[1] - 1]) \(parts[0])"
        }
    }

    private static let englishDays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    private static let germanDays = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
}

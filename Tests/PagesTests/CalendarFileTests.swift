import Pages
import Testing

@Suite("An event as a calendar file (RFC 5545)")
struct CalendarFileTests {
    private func lines(_ calendar: CalendarFile) -> [String] {
        let text = String(decoding: calendar.bytes, as: UTF8.self)
        #expect(text.utf8.reversed().starts(with: "\n\r".utf8))
        // One line feed for each carriage return, and none alone.
        #expect(text.utf8.filter { $0 == 10 }.count == text.utf8.filter { $0 == 13 }.count)
        return text.split(separator: "\r\n").map(String.init)
    }

    /// 30 November 2026, 19:00 UTC.
    private var evening: CalendarFile {
        CalendarFile(identifier: "gala@tickets.example", summary: "Gala", startsAt: 1_796_065_200_000, writtenAt: 0)
    }

    @Test("Without a zone its moments are in UTC")
    func plain() {
        #expect(
            lines(evening) == [
                "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Holdfast//Box office//EN", "BEGIN:VEVENT",
                "UID:gala@tickets.example", "DTSTAMP:19700101T000000Z", "DTSTART:20261130T190000Z", "SUMMARY:Gala",
                "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR",
            ])
    }

    @Test("With a zone it says what that is at the time of the event, also if it changes meanwhile")
    func zones() throws {
        var calendar = evening
        calendar.zone = EventZone("Europe/Berlin")
        calendar.endsAt = calendar.startsAt + 3_600_000
        var found = lines(calendar)
        #expect(found.contains("DTSTART;TZID=Europe/Berlin:20261130T200000"))
        #expect(found.contains("DTEND;TZID=Europe/Berlin:20261130T210000"))
        #expect(
            found[3...9].elementsEqual([
                "BEGIN:VTIMEZONE", "TZID:Europe/Berlin", "BEGIN:STANDARD", "DTSTART:19700101T000000",
                "TZOFFSETFROM:+0100",
                "TZOFFSETTO:+0100", "END:STANDARD",
            ]))
        // Clocks go forward at 01:00 UTC on 28 March 2027.
        calendar.startsAt = 1_806_190_200_000
        calendar.endsAt = calendar.startsAt + 9_000_000
        found = lines(calendar)
        #expect(found.contains("DTSTART;TZID=Europe/Berlin:20270328T003000"))
        #expect(found.contains("DTEND;TZID=Europe/Berlin:20270328T040000"))
        #expect(
            found[9...14].elementsEqual([
                "END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:20270328T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200",
                "END:DAYLIGHT",
            ]))
    }

    @Test("Text is escaped, and long lines are folded between characters")
    func text() {
        var calendar = evening
        calendar.summary = "A; B, C\\D\nE"
        calendar.description = String(repeating: "ü🎭", count: 40)
        calendar.isCancelled = true
        let found = lines(calendar)
        #expect(found.contains("SUMMARY:A\\; B\\, C\\\\D\\nE"))
        #expect(found.contains("STATUS:CANCELLED"))
        for line in found { #expect(line.utf8.count <= 75, "\(line)") }
        let start = found.firstIndex { $0.hasPrefix("DESCRIPTION:") } ?? 0
        let folded = found[start...].prefix { !$0.hasPrefix("STATUS") }
        let whole = folded.dropFirst().reduce(folded.first ?? "") { $0 + $1.dropFirst() }
        #expect(whole == "DESCRIPTION:" + String(repeating: "ü🎭", count: 40))
    }
}

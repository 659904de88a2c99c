/// A calendar with one event in it, as calendar programs read it (iCalendar, RFC 5545).
package struct CalendarFile: Sendable {
    /// The same for each version of the event, and for no other event of the world.
    package var identifier: String
    package var summary: String
    /// Milliseconds since 1970, as all moments here.
    package var startsAt: Int64
    package var endsAt: Int64?
    package var zone: EventZone?
    package var location: String?
    package var description: String?
    package var address: String?
    package var isCancelled = false
    /// When this version was written.
    package var writtenAt: Int64

    package init(identifier: String, summary: String, startsAt: Int64, writtenAt: Int64) {
        self.identifier = identifier
        self.summary = summary
        self.startsAt = startsAt
        self.writtenAt = writtenAt
    }

    /// Octets of a line at most; what is longer is folded (3.1).
    private static let lineLength = 75

    package var bytes: [UInt8] {
        var file: [UInt8] = []
        func line(_ text: String) { Self.write(line: text, to: &file) }
        line("BEGIN:VCALENDAR")
        line("VERSION:2.0")
        line("PRODID:-//Holdfast//Box office//EN")
        if let zone { for text in Self.lines(of: zone, from: startsAt, to: endsAt) { line(text) } }
        line("BEGIN:VEVENT")
        line("UID:" + Self.escaped(identifier))
        line("DTSTAMP:" + Self.utc(writtenAt))
        line(moment("DTSTART", startsAt))
        if let endsAt { line(moment("DTEND", endsAt)) }
        line("SUMMARY:" + Self.escaped(summary))
        if let location { line("LOCATION:" + Self.escaped(location)) }
        if let description { line("DESCRIPTION:" + Self.escaped(description)) }
        if let address { line("URL:" + address) }
        line("STATUS:" + (isCancelled ? "CANCELLED" : "CONFIRMED"))
        line("END:VEVENT")
        line("END:VCALENDAR")
        return file
    }

    private func moment(_ name: String, _ milliseconds: Int64) -> String {
        guard let zone else { return "\(name):\(Self.utc(milliseconds))" }
        let time = EventTime(milliseconds, offset: zone.offset(at: milliseconds))
        return "\(name);TZID=\(zone.name):\(time.digits)"
    }

    private static func utc(_ milliseconds: Int64) -> String { EventTime(milliseconds, offset: 0).digits + "Z" }

    /// The zone as far as the event needs it: its distance from UTC at the beginning, and from the end on if it changes
    /// while the event lasts.
    private static func lines(of zone: EventZone, from start: Int64, to end: Int64?) -> [String] {
        let first = zone.offset(at: start)
        var lines = ["BEGIN:VTIMEZONE", "TZID:" + zone.name] + lines(from: "19700101T000000", first, first)
        if let end, zone.offset(at: end) != first {
            // The last second that has the first distance, by halves.
            var (before, after) = (start, end)
            while after - before > 1_000 {
                let middle = before + (after - before) / 2
                if zone.offset(at: middle) == first { before = middle } else { after = middle }
            }
            let change = after - after % 1_000
            lines += self.lines(from: EventTime(change, offset: first).digits, first, zone.offset(at: end))
        }
        return lines + ["END:VTIMEZONE"]
    }

    private static func lines(from moment: String, _ before: Int, _ after: Int) -> [String] {
        let kind = after > before ? "DAYLIGHT" : "STANDARD"
        return [
            "BEGIN:" + kind, "DTSTART:" + moment, "TZOFFSETFROM:" + EventZone.text(ofOffset: before, with: ""),
            "TZOFFSETTO:" + EventZone.text(ofOffset: after, with: ""), "END:" + kind,
        ]
    }

    /// Text as a value (3.3.11).
    static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", ";", ",": escaped.append(contentsOf: ["\\", scalar])
            case "\n": escaped.append(contentsOf: ["\\", "n"])
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// Writes a line with its end. No character is cut in two.
    static func write(line: String, to file: inout [UInt8]) {
        var count = 0
        for scalar in line.unicodeScalars {
            let bytes = Unicode.UTF8.encode(scalar).map(Array.init) ?? []
            if count + bytes.count > lineLength {
                file += "\r\n ".utf8
                count = 1
            }
            file += bytes
            count += bytes.count
        }
        file += "\r\n".utf8
    }
}

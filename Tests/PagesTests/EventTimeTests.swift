import Pages
import Testing

@Suite("People read an event's times in its zone (R56 Presentation)")
struct EventTimeTests {
    /// 30 November 2026, 19:00 UTC.
    private static let evening: Int64 = 1_796_065_200_000
    private static let hour: Int64 = 3_600_000

    @Test(
        "Day, hours and zone",
        arguments: [
            (
                "Europe/Berlin", nil, "Monday, 30 November 2026, 20:00 (Europe/Berlin)",
                "Montag, 30. November 2026, 20:00 Uhr (Europe/Berlin)"
            ),
            (
                "Europe/Berlin", 3 * hour, "Monday, 30 November 2026, 20:00–23:00 (Europe/Berlin)",
                "Montag, 30. November 2026, 20:00–23:00 Uhr (Europe/Berlin)"
            ),
            (
                "Europe/Berlin", 5 * hour,
                "Monday, 30 November 2026, 20:00 – Tuesday, 1 December 2026, 01:00 (Europe/Berlin)",
                "Montag, 30. November 2026, 20:00 Uhr – Dienstag, 1. Dezember 2026, 01:00 Uhr (Europe/Berlin)"
            ),
            (
                "Asia/Kathmandu", nil, "Tuesday, 1 December 2026, 00:45 (Asia/Kathmandu)",
                "Dienstag, 1. Dezember 2026, 00:45 Uhr (Asia/Kathmandu)"
            ),
            (
                "America/New_York", nil, "Monday, 30 November 2026, 14:00 (America/New_York)",
                "Montag, 30. November 2026, 14:00 Uhr (America/New_York)"
            ),
        ] as [(String, Int64?, String, String)])
    func texts(zone: String, lasts: Int64?, english: String, german: String) throws {
        let zone = try #require(EventZone(zone))
        let end = lasts.map { Self.evening + $0 }
        #expect(Language.english.text(from: Self.evening, to: end, in: zone) == english)
        #expect(Language.german.text(from: Self.evening, to: end, in: zone) == german)
    }

    @Test(
        "A moment as machines read it has the distance of its zone from UTC, in winter and in summer",
        arguments: [
            ("Europe/Berlin", evening, "2026-11-30T20:00:00+01:00"),
            ("Europe/Berlin", 1_782_846_000_000, "2026-06-30T21:00:00+02:00"),
            ("America/St_Johns", evening, "2026-11-30T15:30:00-03:30"), ("UTC", evening, "2026-11-30T19:00:00+00:00"),
            ("UTC", -1, "1969-12-31T23:59:59+00:00"),
        ] as [(String, Int64, String)])
    func machines(zone: String, moment: Int64, text: String) throws {
        #expect(try #require(EventZone(zone)).text(ofMoment: moment) == text)
    }

    @Test("The first and the last moments of the calendar are shown")
    func ends() throws {
        let zone = try #require(EventZone("Pacific/Apia"))
        for moment in [-62_167_219_200_000, 253_402_300_799_999] as [Int64] {
            #expect(Language.english.text(from: moment, to: moment, in: zone).hasSuffix("(Pacific/Apia)"))
        }
    }

    @Test("An unknown zone is none")
    func unknown() {
        #expect(EventZone("Europe/Atlantis") == nil)
    }
}

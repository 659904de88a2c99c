import BoxOffice
import Pages
import Testing

@Suite("Time zones of events")
struct EventZoneTests {
    @Test("Pages know the rules of each zone that a definition may name")
    func rules() {
        #expect(EventPresentation.timeZones.count > 500)
        for name in EventPresentation.timeZones.sorted() { #expect(EventZone(name) != nil, "\(name)") }
    }
}

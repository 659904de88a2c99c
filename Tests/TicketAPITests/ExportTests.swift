import Testing
import TicketAPI

@Suite("An export can be opened in a spreadsheet")
struct ExportTests {
    @Test(
        "A field that a spreadsheet would calculate begins with an apostrophe, unless the caller asks for formulas (R37 Lists and exports)",
        arguments: [
            ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("-5", "'-5"), ("@sum", "'@sum"), ("\u{ff1d}1", "'\u{ff1d}1"),
            ("a=b", "a=b"), ("", ""), ("say \"x\", y", "\"say \"\"x\"\", y\""), ("=a\nb", "\"'=a\nb\""),
        ])
    func formulas(_ field: String, _ written: String) {
        func row(keepsFormulas: Bool) -> String {
            var text: [UInt8] = []
            ExportForm.write(["P1", field], keepsFormulas: keepsFormulas, to: &text)
            return String(decoding: text, as: UTF8.self)
        }
        #expect(row(keepsFormulas: false) == "P1,\(written)\r\n")
        #expect(row(keepsFormulas: true) == "P1,\(written.replacing("'", with: ""))\r\n")
    }
}

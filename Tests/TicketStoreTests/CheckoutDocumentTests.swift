import BoxOffice
import StrictJSON
import Testing
import TicketStore

/// R55 Checkout, as an event's document writes it.
@Suite("How buyers pay, in an event's document")
struct CheckoutDocumentTests {
    private static func document(_ checkout: String) -> String {
        EventDocumentTests.sample(
            "\"disclose\"", "\"completion\": \"shop\", \"checkout\": \(checkout), \"disclose\"")
    }

    @Test("Each form is read and written, and nothing is written where there is none")
    func forms() throws {
        let read = try EventDocument.read(Self.document(#"{"url": "https://pay.example/start"}"#).utf8)
        #expect(read.checkout == .url("https://pay.example/start"))
        for checkout: EventDefinition.Checkout? in [.demo, .url("https://pay.example"), nil] {
            var definition = read
            (definition.checkout, definition.completion) = (checkout, checkout == .demo ? .token : .shop)
            let written = EventDocument.write(definition)
            #expect(try EventDocument.read(written) == definition)
            #expect(String(decoding: written, as: UTF8.self).contains("checkout") == (checkout != nil))
        }
        #expect(try EventDocument.read(Self.document("null").utf8).checkout == nil)
    }

    @Test(
        "Anything else is a mistake with its location",
        arguments: [
            (#""cash""#, ["/checkout"]), ("1", ["/checkout"]), ("[]", ["/checkout"]), ("{}", ["/checkout/url"]),
            (#"{"url": 1}"#, ["/checkout/url"]), (#"{"url": "http://pay.example"}"#, ["/checkout/url"]),
            (#"{"url": "https://pay.example", "secret": "s"}"#, ["/checkout/secret"]), (#""demo""#, ["/checkout"]),
        ])
    func wrong(checkout: String, pointers: [String]) throws {
        let error = try #require(throws: DocumentError.self) { try EventDocument.read(Self.document(checkout).utf8) }
        guard case .mistakes(let mistakes) = error else { throw error }
        #expect(mistakes.map(\.pointer) == pointers)
    }

    @Test("A change of the form is one difference in the audit")
    func audited() throws {
        let before = try EventDocument.read(Self.document(#"{"url": "https://pay.example"}"#).utf8)
        var after = before
        after.checkout = .url("https://other.example")
        let reading = EventReading(before, isPaused: false, revision: 1)
        let found = AuditDifference.define(after, isPaused: nil, before: reading)
        #expect(found.map(\.member) == ["/checkout/url"])
        #expect(found.first?.to == .string("https://other.example"))
    }
}

import BoxOffice
import StrictJSON

extension EventDocument {
    /// How buyers pay, as documents have it: `"demo"`, `"free"` or `{"url": "https://…"}` (R55 Checkout).
    static func json(_ checkout: EventDefinition.Checkout) -> JSONValue {
        if let address = checkout.address { return .object([JSONValue.Member("url", .string(address))]) }
        return EventDefinition.Checkout.words.first { $0.form == checkout }.map { .string($0.word) } ?? .null
    }

    static let checkoutShape = JSONShape<EventDefinition.Checkout> { value, pointer, mistakes in
        switch value {
        case .string(let text):
            if let known = EventDefinition.Checkout.words.first(where: { $0.word == text }) { return known.form }
        case .object: return addressShape.take(value, at: pointer, noting: &mistakes)
        default: break
        }
        mistakes.note(pointer, Mistake.checkoutForm)
        return nil
    }

    private static let addressShape = JSONShape<EventDefinition.Checkout>.object { checkout in
        checkout.required("url", as: .string).map { .url($0) }
    }
}

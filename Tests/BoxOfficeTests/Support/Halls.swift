import BoxOffice

/// Event definitions for tests.
enum Halls {
    /// Three places, with each policy for late payments.
    static let policies = [
        "main": hall("floor=3", "GA:floor"), "strict": hall("floor=3", "GA:floor") { $0.latePayment = .strict },
    ]

    /// `pools: "floor=4 day=2"`, `types: "GA:floor VIP:floor+day"`. Everything else has its default, except the hold time: a
    /// hold lives for five minutes, grace included.
    static func hall(
        _ pools: String, _ types: String, id: String = "main", _ change: (inout EventDefinition) -> Void = { _ in }
    ) -> EventDefinition {
        var definition = EventDefinition(
            id: code(id),
            holdTime: .seconds(298),
            pools: pools.split(separator: " ").map {
                let parts = $0.split(separator: "=")
                return .init(code: code(parts[0]), capacity: Int(parts[1]) ?? -1)
            },
            types: types.split(separator: " ").map {
                let parts = $0.split(separator: ":")
                return .init(code: code(parts[0]), price: 100, pools: parts[1].split(separator: "+").map { code($0) })
            })
        change(&definition)
        return definition
    }

    static func code(_ text: some StringProtocol) -> Code {
        Code(String(text))!
    }
}

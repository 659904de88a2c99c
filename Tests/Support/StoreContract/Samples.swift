public import BoxOffice
internal import Workload

/// An event with one pool of so many places.
public func hall(
    _ places: Int, id: String = "hall", hold: Duration = .seconds(60), grace: Duration = .seconds(2),
    change: (inout EventDefinition) -> Void = { _ in }
) throws -> EventDefinition {
    let floor = try code("floor")
    var definition = EventDefinition(
        id: try code(id), holdTime: hold, clientGrace: grace, pools: [.init(code: floor, capacity: places)],
        types: [.init(code: try code("GA"), price: 1_000, pools: [floor])])
    change(&definition)
    return definition
}

/// The code with this text.
public func code(_ text: String) throws -> Code {
    struct NoCode: Error {}
    guard let code = Code(text) else { throw NoCode() }
    return code
}

/// A command that holds tickets of such an event.
public func holdGA(
    _ quantity: Int = 1, event: String = "hall", key: String? = nil, buyer: String? = nil
) throws -> Command {
    .hold(
        HoldRequest(
            event: try code(event), lines: OneOrMore(Line(type: try code("GA"), quantity: quantity)),
            buyer: buyer.flatMap { Buyer($0) }, key: key.map { IdempotencyKey(named: $0) }))
}

/// Waits until the condition is true, for a minute at most, however long one look at it takes; returns whether it became true.
public func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while true {
        if try await condition() { return true }
        guard ContinuousClock.now < end else { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
}

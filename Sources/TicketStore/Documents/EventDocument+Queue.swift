import BoxOffice
import StrictJSON

extension EventDocument {
    /// How buyers queue, as documents have it: all members, and the beacon or `null` (Q1 Phases).
    static func json(_ queue: QueueTerms) -> JSONValue {
        guard case .object(let members) = JSONValue(QueueTerms.members, of: queue) else { return .null }
        let beacon = queue.beacon.map { beacon in
            JSONValue.object([
                .init("name", .string(beacon.name)),
                .init("wait_seconds", .integer(beacon.wait.components.seconds)),
            ])
        }
        return .object(members + [.init("beacon", beacon ?? .null)])
    }

    static let queueShape = JSONShape<QueueTerms>.object { object in
        var queue = QueueTerms()
        object.read(QueueTerms.members, into: &queue)
        queue.beacon = object.nullable("beacon", as: beaconShape)
        return queue
    }

    private static let beaconShape = JSONShape<QueueTerms.Beacon>.object { object in
        let name = object.required("name", as: .string)
        let wait = object.optional("wait_seconds", as: JSONShape<Int64>.integer)
        return name.map { QueueTerms.Beacon(name: $0, wait: .seconds(wait ?? 30)) }
    }
}

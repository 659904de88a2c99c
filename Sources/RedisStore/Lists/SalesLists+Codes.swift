internal import BoxOffice
internal import NIOCore
internal import RedisWire
internal import TicketStore

extension SalesLists {
    /// What became of the codes of a batch (R46 Access codes); `nil` if there is no such batch.
    func codes(of batch: Code, in event: Code, after: Int, limit: Int) async throws -> [CodeCount]? {
        guard let number = state.withLock({ $0.directory.number(of: event) }) else { return nil }
        let keys = keyspace.keys(of: number)
        var command = caller.command(.pageOfCodes, keys: keys.all)
        command.append(limits.recoveryGrace.inMilliseconds)
        command.append(batch.text)
        command.append(max(0, after))
        command.append(max(0, limit))
        var reader = PackedReader(try await caller.ask(command, to: keys.route).bytes())
        let count = try reader.number()
        guard count >= 0 else { return nil }
        var found: [CodeCount] = []
        for _ in 0..<count {
            found.append(
                CodeCount(
                    number: try reader.number(), held: try reader.number(), sold: try reader.number(),
                    isRevoked: try reader.byte() == 1))
        }
        return found
    }
}

internal import BoxOffice
package import NIOCore
internal import TicketStore

/// Commands of one event that are decided in one call, with the bytes that the functions read.
package struct CommandBatch: Sendable {
    package private(set) var bytes = ByteBuffer()
    package private(set) var commands: [PendingCommand] = []
    /// It has commands other than holds.
    private(set) var hasOthers = false
    /// Nobody waits for it: it tries what decisions need.
    package let isTrial: Bool

    init(isTrial: Bool = false) {
        self.isTrial = isTrial
    }

    /// Nobody waits for it, and it writes nothing.
    package var isLook: Bool { commands.isEmpty && !isTrial }
    var hasSale: Bool { commands.contains(where: \.isSale) }
    var isFull: Bool { commands.count >= PendingCommands.batchSize }

    mutating func add(_ pending: PendingCommand) {
        let start = bytes.writerIndex
        let claim = pending.claim?.number
        switch pending.command {
        case .hold(let request): CommandWriter.write(request, buyer: pending.buyer, to: &bytes)
        case .extend(let id, let key): CommandWriter.writeExtend(id, key: key, to: &bytes)
        case .release(let id): CommandWriter.writeRelease(id, to: &bytes)
        case .purchase(let id, let payment, let completer):
            CommandWriter.writePurchase(
                id, payment, by: completer, elsewhere: pending.elsewhere, claim: claim, to: &bytes)
        case .payBack(let id, let payment):
            CommandWriter.writePayBack(id, payment, elsewhere: pending.elsewhere, claim: claim, to: &bytes)
        case .returnPurchase(let id): CommandWriter.writeReturn(id, to: &bytes)
        case .returnPart(let id, let asked): CommandWriter.writeReturn(asked, of: id, to: &bytes)
        case .correct(let id, let asked): CommandWriter.writeCorrect(asked, of: id, to: &bytes)
        case .erase(let request): CommandWriter.writeErase(request, secret: pending.secret, to: &bytes)
        case .look(let id): CommandWriter.writeLook(id, to: &bytes)
        case .define, .pause, .resume, .cancel, .reinstate, .remove:
            preconditionFailure("operators' changes are calls of their own")
        case .queue(_, let command):
            CommandWriter.write(command, buyer: pending.buyer, node: pending.node, to: &bytes)
        }
        if case .hold = pending.command {} else { hasOthers = true }
        if let note = pending.note { CommandWriter.add(note, at: start, to: &bytes) }
        commands.append(pending)
    }
}

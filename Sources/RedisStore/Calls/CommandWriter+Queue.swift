internal import BoxOffice
internal import NIOCore

extension CommandWriter {
    /// Writes a command for a queue as `Lua/queueing.lua` reads it.
    ///
    /// - Parameters:
    ///   - buyer: for whom a shop joins.
    ///   - node: who reports presence.
    static func write(_ command: QueueCommand, buyer: BuyerDigest?, node: UInt64, to bytes: inout ByteBuffer) {
        bytes.writeInteger(CommandCode.queue.rawValue)
        switch command {
        case .open(let secret):
            bytes.writeInteger(QueueCommandCode.open.rawValue)
            bytes.writeInteger(UInt8(clamping: secret.count))
            bytes.writeBytes(secret)
        case .join(_, let key):
            bytes.writeInteger(QueueCommandCode.join.rawValue)
            write(buyer, to: &bytes)
            bytes.writeInteger(UInt8(key == nil ? 0 : 16))
            if let key {
                bytes.writeInteger(key.high)
                bytes.writeInteger(key.low)
            }
        case .look(let number, let position):
            bytes.writeInteger(QueueCommandCode.look.rawValue)
            bytes.writePacked(UInt64(number.value))
            bytes.writePacked(position.map { Double($0) } ?? -1)
        case .attend(let report):
            bytes.writeInteger(QueueCommandCode.attend.rawValue)
            write(report, of: node, to: &bytes)
        case .beacon(let name, let value):
            bytes.writeInteger(QueueCommandCode.beacon.rawValue)
            bytes.writePacked(short: name.text)
            bytes.writePacked(short: value.text)
        case .leave(let number):
            bytes.writeInteger(QueueCommandCode.leave.rawValue)
            bytes.writePacked(UInt64(number.value))
        case .adjust(let asked):
            bytes.writeInteger(QueueCommandCode.adjust.rawValue)
            bytes.writeInteger(UInt8(asked.isPaused.map { $0 ? 2 : 1 } ?? 0))
            bytes.writePacked(asked.mostPerSecond.map { Double($0) } ?? -1)
            bytes.writePacked(asked.lettingIn.map { Double($0) } ?? -1)
            bytes.writeInteger(QueueAdjustmentMistakes(asked).rawValue)
        }
    }

    private static func write(_ report: PresenceReport, of node: UInt64, to bytes: inout ByteBuffer) {
        bytes.writeInteger(node)
        bytes.writePacked(UInt64(report.first))
        bytes.writePacked(UInt64(report.width))
        bytes.writeInteger(UInt8(report.isComplete ? 1 : 0))
        bytes.writePacked(UInt64(report.present))
        bytes.writeInteger(UInt16(clamping: report.counts.count), endianness: .little)
        for count in report.counts { bytes.writeInteger(count, endianness: .little) }
    }

    /// 16 bytes behind their length, or a length of 0.
    static func write(_ buyer: BuyerDigest?, to bytes: inout ByteBuffer) {
        bytes.writeInteger(UInt8(buyer == nil ? 0 : 16))
        guard let buyer else { return }
        bytes.writeInteger(buyer.high)
        bytes.writeInteger(buyer.low)
    }
}

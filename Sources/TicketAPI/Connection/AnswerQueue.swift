internal import NIOCore

/// The requests that wait for the store, the answers that wait for them, and the answers that may leave.
///
/// Empty nearly always: only what the store answers later, and what comes behind such a request, waits here. It has room
/// for as much as a client can have asked for in good faith, and no more: while the disk stands still, one connection
/// that goes on asking would fill the memory.
struct AnswerQueue {
    private enum Slot {
        case waiting(CallRequest)
        /// An answer that waits for one before it.
        case answered(ByteBuffer)
    }

    /// Requests that wait for their answers.
    static let mostRequests = 1_024
    /// Bytes of answers that wait for one before them, without the last of them.
    static let mostBytes = 65_536
    /// Bytes of answers that are gathered before they are sent.
    static let mostUnsent = 65_536

    /// Room for one, and for more where a client sends more at once: for sixteen, as by default, it would be a tenth of
    /// what an idle connection takes. The first slot always waits.
    private var slots = CircularBuffer<Slot>(initialCapacity: 2)
    /// The number of the first slot.
    private var first = 0
    /// Of all answers that wait.
    private var bytes = 0
    /// What may leave.
    private(set) var unsent = ByteBuffer()

    /// Whether another request may be answered.
    var hasRoom: Bool { slots.count < Self.mostRequests && bytes < Self.mostBytes }
    /// Whether no answer is owed.
    var isEmpty: Bool { slots.isEmpty }
    /// Whether as much may leave as is gathered before it does.
    var isFull: Bool { unsent.readableBytes >= Self.mostUnsent }
    /// The number that the next request gets.
    var nextSlot: Int { first + slots.count }

    /// The request that waits in `slot`; `nil` if it is answered.
    func request(at slot: Int) -> CallRequest? {
        guard slot >= first, slot < nextSlot, case .waiting(let request) = slots[index(slot)] else { return nil }
        return request
    }

    /// The store answers a request later, in ``nextSlot``.
    mutating func add(_ request: CallRequest) {
        slots.append(.waiting(request))
    }

    /// Answers a request that comes behind all others.
    mutating func answer(with write: (inout ByteBuffer) -> Void) {
        guard !isEmpty else { return write(&unsent) }
        let answer = ByteBuffer.written(write)
        bytes += answer.readableBytes
        slots.append(.answered(answer))
    }

    /// Answers the request that waits in `slot`. If it is the first, the answers behind it may leave, too.
    mutating func answer(_ slot: Int, with write: (inout ByteBuffer) -> Void) {
        guard slot == first else {
            let answer = ByteBuffer.written(write)
            bytes += answer.readableBytes
            slots[index(slot)] = .answered(answer)
            return
        }
        write(&unsent)
        removeFirst()
        while case .answered(var ready)? = slots.first {
            bytes -= ready.readableBytes
            unsent.writeBuffer(&ready)
            removeFirst()
        }
    }

    private mutating func removeFirst() {
        slots.removeFirst()
        first += 1
    }

    /// Writes what answers no request: it may leave at once.
    mutating func write(_ write: (inout ByteBuffer) -> Void) {
        write(&unsent)
    }

    /// Everything that could leave was handed to the channel.
    mutating func clearUnsent() {
        // Takes new storage only if the old one is still being sent.
        unsent.clear()
    }

    private func index(_ slot: Int) -> CircularBuffer<Slot>.Index {
        slots.index(slots.startIndex, offsetBy: slot - first)
    }
}

internal import NIOCore

/// Requests in the order in which they came, each until its answer has left.
///
/// Empty nearly always: only what the store answers later, and what comes behind such a request, is in here. It has
/// room for as much as a client can have asked for in good faith, and no more: while the disk stands still, one
/// connection that goes on asking would fill the memory.
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

    /// Room for one, and for more where a client sends more at once: for sixteen, as by default, it would be a tenth of
    /// what an idle connection takes. The first slot always waits.
    private var slots = CircularBuffer<Slot>(initialCapacity: 2)
    /// The number of the first slot.
    private var first = 0
    /// Of all answers that wait.
    private var bytes = 0

    /// Whether another request may be accepted.
    var hasRoom: Bool { slots.count < Self.mostRequests && bytes < Self.mostBytes }
    var isEmpty: Bool { slots.isEmpty }
    /// The number that the next request gets.
    var nextSlot: Int { first + slots.count }

    func isFirst(_ slot: Int) -> Bool {
        slot == first
    }

    /// The request that waits in `slot`; `nil` if it is answered.
    func request(at slot: Int) -> CallRequest? {
        guard slot >= first, slot < nextSlot, case .waiting(let request) = slots[index(slot)] else { return nil }
        return request
    }

    mutating func add(_ request: CallRequest) {
        slots.append(.waiting(request))
    }

    /// Adds a request with its answer.
    ///
    /// - Precondition: the queue is not empty.
    mutating func addAnswer(_ answer: ByteBuffer) {
        bytes += answer.readableBytes
        slots.append(.answered(answer))
    }

    /// Keeps the answer of `slot`.
    ///
    /// - Precondition: the slot waits, and is not the first.
    mutating func answer(_ slot: Int, with answer: ByteBuffer) {
        bytes += answer.readableBytes
        slots[index(slot)] = .answered(answer)
    }

    /// Removes the first request, whose answer is in `buffer`, and moves the answers that waited for it there.
    mutating func removeFirst(movingAnswersInto buffer: inout ByteBuffer) {
        slots.removeFirst()
        first += 1
        while case .answered(var ready)? = slots.first {
            bytes -= ready.readableBytes
            buffer.writeBuffer(&ready)
            slots.removeFirst()
            first += 1
        }
    }

    private func index(_ slot: Int) -> CircularBuffer<Slot>.Index {
        slots.index(slots.startIndex, offsetBy: slot - first)
    }
}

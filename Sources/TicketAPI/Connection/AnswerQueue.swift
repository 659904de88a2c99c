internal import NIOCore

/// Requests in the order in which they came, each until its answer has left.
///
/// Empty nearly always: only what the store answers later, and what comes behind such a request, is in here. It has
/// room for so much that nobody notices who waits for answers, and no more: while the disk stands still, one connection
/// that goes on asking would fill the memory.
struct AnswerQueue {
    private struct Slot {
        let request: CallRequest
        var answer: ByteBuffer?
    }

    /// Requests that wait for their answers.
    static let mostRequests = 1_024
    /// Bytes of answers that wait for one before them, but for the last of them.
    static let mostBytes = 65_536

    /// Room for one, and for more where somebody sends more at once: for sixteen, as by default, it would be a tenth of
    /// what an idle connection takes.
    private var slots = CircularBuffer<Slot>(initialCapacity: 2)
    /// The number of the first slot.
    private var first = 0
    /// Of all answers that wait.
    private var bytes = 0

    /// Whether another request may be taken.
    var hasRoom: Bool { slots.count < Self.mostRequests && bytes < Self.mostBytes }
    var isEmpty: Bool { slots.isEmpty }
    /// The number that the next request gets.
    var nextSlot: Int { first + slots.count }

    func isFirst(_ slot: Int) -> Bool {
        slot == first
    }

    func request(at slot: Int) -> CallRequest? {
        guard slot >= first, slot < nextSlot else { return nil }
        return slots[slots.index(slots.startIndex, offsetBy: slot - first)].request
    }

    @discardableResult
    mutating func addWaiting(_ request: CallRequest) -> Int {
        slots.append(Slot(request: request))
        return nextSlot - 1
    }

    /// Takes the answer of `slot`, and moves all answers that need not wait any more into `buffer`.
    ///
    /// - Parameter answer: `nil` if the slot is the first and its answer is in `buffer` already.
    mutating func finish(_ slot: Int, with answer: ByteBuffer?, into buffer: inout ByteBuffer) {
        let answer = answer ?? ByteBuffer()
        bytes += answer.readableBytes
        slots[slots.index(slots.startIndex, offsetBy: slot - first)].answer = answer
        while var ready = slots.first?.answer {
            bytes -= ready.readableBytes
            buffer.writeBuffer(&ready)
            slots.removeFirst()
            first += 1
        }
    }
}

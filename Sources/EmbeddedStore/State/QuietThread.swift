internal import Dispatch
// For `Thread`.
internal import Foundation
internal import Synchronization

/// Does work for operators, one piece after the other, on a thread of its own with low priority.
///
/// The threads of a dispatch queue have the priority of the process: with two cores, a report took one of them from the sale.
package final class QuietThread: Sendable {
    package typealias Work = @Sendable () -> Void

    /// What the thread keeps, so that it does not keep its owner.
    private final class Waiting: Sendable {
        let work = Mutex<(pieces: [Work], isLast: Bool)>(([], false))
        let came = DispatchSemaphore(value: 0)

        func run() {
            while true {
                came.wait()
                let (pieces, isLast) = work.withLock { work in
                    defer { work.pieces = [] }
                    return work
                }
                for piece in pieces { piece() }
                if isLast { return }
            }
        }
    }

    private let waiting = Waiting()

    package init() {
        Thread.detachNewThread { [waiting] in
            LowPriority.enter()
            waiting.run()
        }
    }

    /// The thread does what waits, and ends.
    deinit {
        waiting.work.withLock { $0.isLast = true }
        waiting.came.signal()
    }

    /// Does a piece of work after those that wait.
    package func run(_ piece: @escaping Work) {
        waiting.work.withLock { $0.pieces.append(piece) }
        waiting.came.signal()
    }
}

import EmbeddedStore
import Foundation
import Synchronization
import Testing

@Suite("Work for operators gets a thread of its own")
struct QuietThreadTests {
    @Test("Its pieces are done in their order", .timeLimit(.minutes(5)))
    func order() async {
        let (thread, done) = (QuietThread(), Mutexed())
        for number in 0..<100 { thread.run { done.add(number) } }
        await withCheckedContinuation { finished in thread.run { finished.resume() } }
        #expect(done.numbers == Array(0..<100))
    }

    @Test("What waits is done, even if nobody keeps the thread", .timeLimit(.minutes(5)))
    func dropped() async {
        await withCheckedContinuation { finished in QuietThread().run { finished.resume() } }
    }

    #if os(Linux)
        @Test("Its priority is low, and that of others stays", .timeLimit(.minutes(5)))
        func priority() async {
            let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)
            // The main thread has what the process was started with; a thread of the test may have another priority.
            let main = id_t(getpid())
            let (ofMain, ofStarter) = (getpriority(ofThread, main), getpriority(ofThread, 0))
            let thread = QuietThread()
            let found = await withCheckedContinuation { found in
                thread.run { found.resume(returning: getpriority(ofThread, 0)) }
            }
            #expect(found == max(10, ofStarter))
            #expect(getpriority(ofThread, main) == ofMain)
        }
    #endif
}

private final class Mutexed: Sendable {
    private let kept = Mutex<[Int]>([])

    var numbers: [Int] { kept.withLock { $0 } }

    func add(_ number: Int) {
        kept.withLock { $0.append(number) }
    }
}

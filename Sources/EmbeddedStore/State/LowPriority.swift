// For the C library.
internal import Foundation

/// What is not the sale takes the CPU that the sale leaves.
enum LowPriority {
    /// A nice value: beside the sale, a thread gets about a tenth of a core.
    private static let nice: CInt = 10

    /// Lets the calling thread, and threads that it starts from now on, run when others do not need the core. It cannot be
    /// undone. A thread that was started with a lower priority keeps it.
    ///
    /// On Linux a thread has a priority of its own. Elsewhere this does nothing.
    static func enter() {
        #if os(Linux)
            let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)
            if getpriority(ofThread, 0) < nice { _ = setpriority(ofThread, 0, nice) }
        #endif
    }
}

internal import CLibrary
// For `Thread`: a write can block for as long as nobody reads, which no thread of a shared pool should.
internal import Foundation
internal import Logging
internal import Synchronization

/// Writes lines to a file descriptor from a thread of its own, so that no logging thread waits for the reader of the
/// log.
///
/// Up to ``queuedBytes`` wait in a queue, and as many are being written. A line that does not fit is dropped and
/// counted; the count becomes a line when there is room again. If the descriptor fails (a closed pipe, a full disk),
/// its lines are lost, and nothing else happens.
public final class LogWriter: Sendable {
    /// Bytes that may wait for the descriptor: some thousands of lines, enough for a reader that pauses for a moment,
    /// and little for a process.
    public static let queuedBytes = 1 << 20
    /// The longest line, with its end; a longer one is cut. Sixteen full texts fit in.
    static let lineBytes = 1 << 16

    /// Warnings and errors with the same sentence that are written per second; the others are counted, and one line
    /// reports the number. A fault in every request is as clear from ten lines as from ten thousand.
    static let troublesPerSecond = 10
    /// Sentences that are counted at once. No program has more; the bound matters if messages are not constant.
    static let countedSentences = 256

    /// Standard error: the default writer of the handlers.
    public static let standardError = LogWriter(descriptor: LogOutput.standardError)

    /// Makes a line about the log itself.
    typealias Notice = @Sendable (Logger.Level, _ label: String, _ message: String, Logger.Metadata) -> [UInt8]

    private struct Trouble {
        var level: Logger.Level
        var written = 0
        var held = 0
    }

    private struct Sentence: Hashable {
        var label: String
        var message: String
    }

    private struct State {
        var lines: [[UInt8]] = []
        var bytes = 0
        var dropped = 0
        /// Since the start, with those that could not be written.
        var lost: UInt64 = 0
        var troubles: [Sentence: Trouble] = [:]
        /// When the counts are reported.
        var secondEnds: DispatchTime?
        var notice: Notice?
        var isStarted = false
        /// The thread is writing the lines that it took.
        var isWriting = false

        /// - Returns: whether the thread has to be woken up.
        mutating func append(_ line: [UInt8]) -> Bool {
            lines.append(line)
            bytes += line.count
            return lines.count == 1
        }

        mutating func take() -> [[UInt8]] {
            defer {
                lines = []
                bytes = 0
            }
            isWriting = !lines.isEmpty
            return lines
        }
    }

    private let descriptor: Int32
    private let capacity: Int
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    /// A writer to `descriptor`; it neither opens nor closes it.
    public init(descriptor: Int32, capacity: Int = LogWriter.queuedBytes) {
        self.descriptor = descriptor
        self.capacity = capacity
    }

    /// Lines that were dropped, and lines that could not be written, since the start.
    public var lostLines: UInt64 { state.withLock { $0.lost } }

    /// Puts a line into the queue, whole or not at all; one that is longer than 64 KiB is cut. Never waits.
    public func write(_ line: [UInt8]) {
        put(line, notice: nil)
    }

    /// Puts the line of an event into the queue, unless too many with its sentence were written in this second.
    ///
    /// - Parameters:
    ///   - line: makes the line; not called for one that is only counted.
    ///   - notice: makes lines about the log itself, in the same form.
    func write(_ event: LogEvent, label: String, line: () -> [UInt8], notice: @escaping Notice) {
        let isWritten = event.level < .warning || mayWrite(event, label)
        if isWritten { put(line(), notice: notice) }
    }

    private func mayWrite(_ event: LogEvent, _ label: String) -> Bool {
        let sentence = Sentence(label: label, message: event.message.description)
        return state.withLock { state in
            guard state.troubles[sentence] != nil || state.troubles.count < Self.countedSentences else { return true }
            var trouble = state.troubles[sentence] ?? Trouble(level: event.level)
            let isWritten = trouble.written < Self.troublesPerSecond
            if isWritten { trouble.written += 1 } else { trouble.held += 1 }
            state.troubles[sentence] = trouble
            if state.secondEnds == nil { state.secondEnds = .now() + .seconds(1) }
            return isWritten
        }
    }

    /// Waits until all lines are written, for at most `limit`.
    ///
    /// - Returns: whether all are written.
    @discardableResult
    public func flush(within limit: Duration) -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + limit
        report(endsSecond: true)
        work.signal()
        while state.withLock({ !$0.lines.isEmpty || $0.isWriting }) {
            guard clock.now < end else { return false }
            usleep(1_000)
        }
        return true
    }

    private func put(_ line: [UInt8], notice: Notice?) {
        let line = line.count > Self.lineBytes ? line.prefix(Self.lineBytes - 1) + [UInt8(ascii: "\n")] : line
        let (wakes, starts) = state.withLock { state -> (Bool, Bool) in
            if let notice { state.notice = notice }
            let starts = !state.isStarted
            state.isStarted = true
            // The count of dropped lines comes before any later line.
            guard state.dropped == 0, state.bytes + line.count <= capacity else {
                state.dropped += 1
                state.lost += 1
                // With an empty queue, nothing else wakes the thread to report it.
                return (state.dropped == 1, starts)
            }
            return (state.append(line), starts)
        }
        if starts { Thread.detachNewThread { self.run() } }
        if wakes { work.signal() }
    }

    // MARK: The thread

    private func run() -> Never {
        while true {
            let (lines, secondEnds) = state.withLock { ($0.take(), $0.secondEnds) }
            let lost = lines.count { !LogLine.write($0, to: descriptor) }
            let isOver = secondEnds.map { $0 <= .now() } ?? false
            state.withLock { state in
                state.isWriting = false
                state.lost += UInt64(lost)
            }
            let isIdle = !report(endsSecond: isOver)
            if isIdle, lines.isEmpty, !isOver { _ = work.wait(timeout: secondEnds ?? .distantFuture) }
        }
    }

    /// Queues a line with the number of dropped lines, and at the end of a second the counts of each sentence.
    ///
    /// - Returns: whether lines are in the queue.
    @discardableResult
    private func report(endsSecond: Bool) -> Bool {
        state.withLock { state in
            if state.dropped > 0, state.bytes < capacity / 2 {
                let metadata: Logger.Metadata = ["dropped": "\(state.dropped)"]
                state.dropped = 0
                // Bare lines have no form for a notice.
                if let line = state.notice?(
                    .warning, "holdfast.log", "Log lines were dropped, because the log was not read in time", metadata)
                {
                    _ = state.append(line)
                }
            }
            if endsSecond {
                for (sentence, trouble) in state.troubles where trouble.held > 0 {
                    guard let notice = state.notice else { break }
                    let metadata: Logger.Metadata = ["repeated": "\(trouble.held)"]
                    _ = state.append(notice(trouble.level, sentence.label, sentence.message, metadata))
                }
                state.troubles.removeAll()
                state.secondEnds = nil
            }
            return !state.lines.isEmpty
        }
    }
}

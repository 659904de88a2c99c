internal import ServiceLog
internal import Settings
internal import TicketAPI

/// The access log: a line for each request that it hears of (R58 Access log).
final class AccessLog: RequestObserver {
    let oneOf: Int
    /// A trace asks for spans, not for lines.
    let followsTraces = false
    let writer: LogWriter
    private let file: LogFile?
    private let form: AccessLine.Form

    /// `nil` if the settings want none.
    ///
    /// - Throws: ``Failure`` if its file cannot be written.
    init?(_ settings: Settings.AccessLog) throws {
        switch settings.mode {
        case .off: return nil
        case .sampled: oneOf = settings.sample
        case .all: oneOf = 1
        }
        form = settings.format
        do {
            file = try settings.file.map { path throws(LogFile.Failure) in try LogFile(path: path) }
        } catch {
            throw Failure("access_log.file: \(error)", status: Failure.cannotCreate)
        }
        writer = file?.writer ?? LogWriter(descriptor: LogOutput.standardOutput)
    }

    func answered(_ request: AnsweredRequest) {
        let line = AccessLine(
            method: request.method, route: request.route, status: request.status, nanoseconds: request.nanoseconds,
            bytes: request.bytes, caller: request.caller, trace: request.trace?.trace)
        writer.write(line.written(as: form))
    }

    /// Opens its file anew, for a tool that moved it away.
    func reopen() throws(LogFile.Failure) {
        try file?.reopen()
    }
}

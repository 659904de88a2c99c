internal import Logging
public import ServiceLog
internal import Settings
public import TicketAPI

/// What a running service takes over from its configuration on SIGHUP: the level of the log, and the file of the access log, which
/// a tool may have moved away. Everything else waits for the next start.
struct SettingsRenewal: Sendable {
    let level: LogLevel
    let access: AccessLog?
    private let settings: Settings
    private let load: @Sendable () throws(SettingsError) -> Settings
    private let logger = Logger(label: "holdfast.settings")

    /// - Parameter load: reads the configuration anew, from the places that it came from.
    init(
        _ settings: Settings, level: LogLevel, access: AccessLog?,
        load: @escaping @Sendable () throws(SettingsError) -> Settings
    ) {
        self.settings = settings
        self.level = level
        self.access = access
        self.load = load
    }

    /// Takes over what it can. What is wrong is logged, and stays as it is.
    func renew() {
        do {
            try access?.reopen()
        } catch {
            logger.error("The access log goes on to its old file", metadata: ["error": "\(error)"])
        }
        let fresh: Settings
        do {
            fresh = try load()
        } catch {
            logger.error("The configuration cannot be read; everything stays as it is", metadata: ["error": "\(error)"])
            return
        }
        let others = fresh.changes(from: settings).filter { $0 != "log.level" }
        let before = level.level
        // In force is the more talkative of both, so that the line itself is written.
        level.level = min(before, fresh.log.level)
        logger.log(
            level: max(.notice, level.level), "The configuration was read anew",
            metadata: ["log.level": "\(fresh.log.level)", "at the next start": "\(others.joined(separator: ", "))"])
        level.level = fresh.log.level
    }
}

extension LogLevel: LogControl {}

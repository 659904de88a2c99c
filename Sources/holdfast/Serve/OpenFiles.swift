internal import CLibrary
internal import Settings
internal import TicketAPI

/// The limit of files and connections that this process may have open.
enum OpenFiles {
    /// Descriptors besides connections: the ledger, its log and its readers, Redis, files that are read for a moment.
    private static let others = 256

    /// Raises the limit, and checks that the configured connections fit.
    ///
    /// - Parameter connections: the most descriptors that connections take.
    static func makeRoom(for connections: Int, _ settings: Settings) throws {
        let (needed, most) = room(for: connections)
        guard most < needed else { return }
        let fitting = settings.limits.connections - (needed - most)
        let advice = fitting > 0 ? " or set limits.connections to \(fitting) or less" : ""
        throw Failure(
            "limits.connections: \(settings.limits.connections) connections need \(needed) open files, and this process "
                + "may open \(most); raise that limit (ulimit -n, LimitNOFILE= in systemd)\(advice)",
            status: Failure.badConfiguration)
    }

    /// Raises the limit as far as a process may.
    ///
    /// - Returns: how many files are needed with this many connections, and how many may be open.
    static func room(for connections: Int) -> (needed: Int, most: Int) {
        let needed = connections + others
        return (needed, raise(to: needed))
    }

    /// - Parameter needed: a limit that is enough, for systems that refuse their own maximum.
    /// - Returns: the limit that is in force now.
    private static func raise(to needed: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(openFiles, &limit) == 0 else { return .max }
        for wanted in [limit.rlim_max, min(limit.rlim_max, rlim_t(needed))] where limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(openFiles, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    #if canImport(Glibc)
        private static var openFiles: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var openFiles: Int32 { Int32(RLIMIT_NOFILE) }
    #endif
}

internal import CLibrary

/// What the operating system says of this process. The names and meanings of its metrics are those that Prometheus' own
/// libraries use for every process.
struct ProcessFigures {
    /// In user and system mode together.
    let cpuNanoseconds: UInt64
    /// `nil` where there is no `/proc`.
    let residentBytes: UInt64?
    let openDescriptors: Int?
    let mostDescriptors: UInt64?
    /// In nanoseconds since 1970.
    let startedAt: UInt64?

    init() {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        cpuNanoseconds = Self.nanoseconds(time)
        // Sizes in pages: all of it, what is in memory, and more.
        let pages = Self.words(of: "/proc/self/statm")
        let page = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
        residentBytes = pages.count > 1 ? UInt64(pages[1]).map { $0 * page } : nil
        openDescriptors = Self.entries(of: "/proc/self/fd")
        mostDescriptors = Self.limit()
        startedAt = Self.start()
    }

    private static func limit() -> UInt64? {
        var limit = rlimit()
        #if canImport(Glibc)
            let number = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let number = Int32(RLIMIT_NOFILE)
        #endif
        return getrlimit(number, &limit) == 0 ? UInt64(limit.rlim_cur) : nil
    }

    /// The kernel tells the start in ticks since the machine was booted.
    private static func start() -> UInt64? {
        #if os(Linux)
            let text = text(of: "/proc/self/stat")
            // The name of the program is in brackets and may contain anything; the start is the 20th word behind it.
            guard let end = text.lastIndex(of: ")") else { return nil }
            let words = text[text.index(after: end)...].split(separator: " ")
            let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
            guard words.count > 19, let start = UInt64(words[19]) else { return nil }
            var now = timespec()
            var boot = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            clock_gettime(CLOCK_BOOTTIME, &boot)
            let uptime = nanoseconds(boot)
            let began = start * (1_000_000_000 / ticks)
            return nanoseconds(now) &- (uptime > began ? uptime - began : 0)
        #else
            return nil
        #endif
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func words(of path: String) -> [Substring] {
        text(of: path).split(separator: " ")
    }

    /// The beginning of a small file; empty if there is none.
    private static func text(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private static func entries(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        // Newer kernels say how many there are; with ten thousand connections that saves some milliseconds.
        if status.st_size > 0 { return Int(status.st_size) }
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..`, and the descriptor that reads them.
        return count - 3
    }
}

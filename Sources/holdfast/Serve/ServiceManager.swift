internal import CLibrary
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Says to the service manager that started this process that it is ready, works, or stops: datagrams to the socket that
/// `NOTIFY_SOCKET` names (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html). Without that variable it
/// does nothing.
struct ServiceManager: Sendable {
    /// A path in the file system; with a zero byte in front a name that only Linux's kernel knows.
    private let address: [UInt8]?
    /// The manager ends a process from which it hears nothing for so long.
    let watchdog: Duration?

    /// - Parameters:
    ///   - environment: the variables that the manager set.
    ///   - process: this process. Variables for another one, which passed them on, do not count for the watchdog.
    init(environment: [String: String], process: Int32 = getpid()) {
        var address = environment["NOTIFY_SOCKET"].map { Array($0.utf8) } ?? []
        if address.first == UInt8(ascii: "@") { address[0] = 0 }
        let isKnown = [0, UInt8(ascii: "/")].contains(address.first) && address.count < Self.longestAddress
        self.address = isKnown ? address : nil
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap(Int.init) ?? 0
        watchdog = isKnown && isForUs && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// The service accepts requests.
    ///
    /// - Parameters:
    ///   - status: one line for `systemctl status`.
    ///   - look: looks at the service before each sign of life. A service in which it never returns is ended and started
    ///     again. A full disk or an absent server is no reason: it would not help.
    func ready(_ status: String, watching look: @escaping @Sendable () -> Void) {
        send("READY=1\nSTATUS=\(status)")
        guard let watchdog else { return }
        // Its thread is not one of those that it watches over. Nothing stops it before the process ends: a stop may take
        // longer than the watchdog waits.
        let third = TimeAmount(watchdog / 3)
        MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
            .scheduleRepeatedTask(initialDelay: .zero, delay: third) { _ in
                look()
                send("WATCHDOG=1")
            }
    }

    /// The service was asked to stop, and answers what is under way.
    func stopping() {
        send("STOPPING=1\nSTATUS=Answers what is under way")
    }

    /// A failure is ignored: the manager may be gone.
    private func send(_ text: String) {
        guard let address else { return }
        #if canImport(Glibc)
            let kind = Int32(SOCK_DGRAM.rawValue)
        #else
            let kind = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address) }
        let length = socklen_t(Self.pathOffset + address.count + (address[0] == 0 ? 0 : 1))
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, bytes, bytes.count, 0, $0, length)
            }
        }
    }

    private static let pathOffset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    private static let longestAddress = MemoryLayout<sockaddr_un>.size - pathOffset
}

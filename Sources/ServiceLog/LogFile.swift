internal import CLibrary

/// A file that lines are appended to, and that may be moved away and opened anew while they are written.
public final class LogFile: Sendable {
    /// A file cannot be opened.
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let path: String
    /// Writes to the file from a thread of its own.
    public let writer: LogWriter
    private let descriptor: Int32

    /// Opens the file, and makes it if there is none; only its owner may read it.
    public init(path: String) throws(Failure) {
        self.path = path
        descriptor = try Self.open(path)
        writer = LogWriter(descriptor: descriptor)
    }

    /// Opens the path again, for a tool that moved the file away. If that fails, lines go on to the old file.
    public func reopen() throws(Failure) {
        let fresh = try Self.open(path)
        defer { close(fresh) }
        // In one step, so that no line meets a closed file.
        guard dup2(fresh, descriptor) >= 0 else { throw Self.failure(path) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    private static func open(_ path: String) throws(Failure) -> Int32 {
        // A pipe without a reader is a mistake, and must not block the start.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let descriptor = CLibrary.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        return descriptor
    }

    private static func failure(_ path: String) -> Failure {
        Failure(description: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}

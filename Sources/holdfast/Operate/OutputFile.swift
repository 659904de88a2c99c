internal import Foundation
internal import NIOCore
internal import UnixSignals

/// A file that appears only when it is complete: it is written under another name in the same directory and renamed at the
/// end.
///
/// Only its owner may read it, because it contains buyers and payments.
struct OutputFile: Sendable {
    private let path: String
    private let fresh: String
    private let descriptor: Int32
    private let isReplacing: Bool

    /// Calls `write` with what takes the pieces: a new file, or standard output if there is no path. A signal cancels `write`
    /// first, so that it leaves no file behind.
    static func export(
        to path: String?, replacing: Bool,
        _ write: @escaping @Sendable ((ByteBuffer) throws -> Void) async throws -> Void
    ) async throws {
        guard let path else { return try await write { try Self.write($0, to: STDOUT_FILENO, "standard output") } }
        try await untilStopped {
            let file = try OutputFile(path: path, replacing: replacing)
            do {
                try await write(file.write)
                try file.finish()
            } catch {
                file.discard()
                throw error
            }
        }
    }

    /// Runs `body`. A signal to stop cancels it, and is a failure.
    static func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return false }
                return false
            }
            let isDone = try await group.next() ?? false
            group.cancelAll()
            if isDone { return }
            // It may have been done just before it noticed.
            guard (try? await group.next()) == true else {
                throw Failure("stopped before the end; nothing was made", status: Failure.atWork)
            }
        }
    }

    /// Begins the file.
    ///
    /// - Throws: ``Failure`` if the file exists and must not be replaced, or cannot be made.
    init(path: String, replacing: Bool) throws {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard replacing else { throw Self.isThere(path) }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw Failure("\(path) is not a regular file, so it is not replaced", status: Failure.cannotCreate)
            }
        }
        self.path = path
        isReplacing = replacing
        fresh = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 36)).partial"
        descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("make", path) }
    }

    func write(_ piece: ByteBuffer) throws {
        try Self.write(piece, to: descriptor, path)
    }

    /// Syncs the file, then gives it its name.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw Self.failure("write", path) }
        if !isReplacing {
            // A link fails if the file exists by now. A rename would replace it.
            if link(fresh, path) == 0 {
                close(descriptor)
                unlink(fresh)
                return
            }
            if errno == EEXIST { throw Self.isThere(path) }
        }
        guard rename(fresh, path) == 0 else { throw Self.failure("name", path) }
        close(descriptor)
    }

    /// Removes the unfinished file.
    func discard() {
        close(descriptor)
        unlink(fresh)
    }

    /// Writes all of `piece`.
    static func write(_ piece: ByteBuffer, to descriptor: Int32, _ name: String) throws {
        try piece.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw failure("write", name)
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    private static func isThere(_ path: String) -> Failure {
        Failure("\(path) exists already; --force replaces it", status: Failure.cannotCreate)
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure("cannot \(what) \(path): \(String(cString: strerror(errno)))", status: Failure.cannotCreate)
    }
}

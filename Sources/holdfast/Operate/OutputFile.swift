internal import Foundation
internal import NIOCore

/// A file that is there whole or not at all: written beside its place under another name, which it gets in the end.
///
/// Only its owner may read it: buyers and payments stand in it.
struct OutputFile: Sendable {
    private let path: String
    private let fresh: String
    private let descriptor: Int32
    private let isReplacing: Bool

    /// Begins the file.
    ///
    /// - Throws: ``Failure`` if there is a file already and it is not to be replaced, or none can be made.
    init(path: String, replacing: Bool) throws {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard replacing else { throw Self.isThere(path) }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw Failure("\(path) is no file that could be replaced", status: Failure.cannotCreate)
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

    /// Gives the file its name, when its bytes are on the disk.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw Self.failure("write", path) }
        if !isReplacing {
            // A link is refused where there is a file by now; a rename would replace it.
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

    /// Takes back what was begun.
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
        Failure("\(path) is there already; --force replaces it", status: Failure.cannotCreate)
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure("cannot \(what) \(path): \(String(cString: strerror(errno)))", status: Failure.cannotCreate)
    }
}

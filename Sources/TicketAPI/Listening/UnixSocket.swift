internal import CLibrary
internal import NIOCore

/// The file of a unix socket cannot be made.
public enum UnixSocketError: Error {
    /// The path is longer than the system takes.
    case pathTooLong(most: Int)
    /// What is at the path is not a socket.
    case otherFile
    /// A program listens there.
    case inUse
}

/// Where a unix socket is to be made.
public enum UnixSocketPath {
    /// Looks whether a socket can have this path, and changes nothing.
    ///
    /// - Throws: ``UnixSocketError``, or an `IOError` of the system. A directory that nothing can be written in is not noticed.
    public static func check(_ path: String) throws {
        var address = try UnixSocket.address(path)
        _ = try UnixSocket.isStale(path, &address)
    }
}

/// A socket bound to a path, which nobody can connect to before its permissions are as they should be.
package struct UnixSocket {
    let path: String
    package let descriptor: CInt
    /// Of the file that was made.
    private let mark: FileMark?

    /// Makes the file. A file that a process left which was killed is replaced; one of a process that listens is not.
    ///
    /// - Parameter mode: the permissions; who may not write to the file may not connect.
    package init(path: String, mode: UInt32) throws {
        self.path = path
        var address = try Self.address(path)
        if try Self.isStale(path, &address), unlink(path) != 0 { throw IOError(errnoCode: errno, reason: "unlink") }
        let descriptor = Self.makeSocket()
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        // It does not listen yet, so a connection is refused until its permissions are set.
        guard Self.with(&address, { bind(descriptor, $0, $1) }) == 0, chmod(path, mode_t(mode)) == 0 else {
            let reason = errno
            close(descriptor)
            throw IOError(errnoCode: reason, reason: "bind")
        }
        self.descriptor = descriptor
        mark = FileMark(path)
    }

    /// Removes the file, unless it is another process' by now, or somebody has changed it: the next start replaces it then.
    package func remove() {
        if let mark, mark == FileMark(path) { unlink(path) }
    }

    fileprivate static func address(_ path: String) throws -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= room else { throw UnixSocketError.pathTooLong(most: room) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    /// Whether a file is there that a killed process left.
    fileprivate static func isStale(_ path: String, _ address: inout sockaddr_un) throws -> Bool {
        var info = stat()
        guard lstat(path, &info) == 0 else { return false }
        guard info.st_mode & S_IFMT == S_IFSOCK else { throw UnixSocketError.otherFile }
        let probe = makeSocket()
        guard probe >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        defer { close(probe) }
        // Only "refused" says that nobody listens: a full queue, or a lack of permissions, says that somebody may.
        guard with(&address, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw UnixSocketError.inUse
        }
        return true
    }

    private static func makeSocket() -> CInt {
        #if canImport(Darwin)
            let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
        #elseif canImport(Musl)
            let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
        #else
            let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        #endif
        if descriptor >= 0 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        }
        return descriptor
    }

    private static func with(
        _ address: inout sockaddr_un, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

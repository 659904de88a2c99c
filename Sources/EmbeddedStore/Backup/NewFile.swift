internal import CLibrary

/// A new file that only its owner can read, written from its beginning to its end.
///
/// Where the file system can do that, it is written past the page cache (`O_DIRECT`). So a sync of the ledger on the same disk has
/// nothing of it to write first, and nothing that the service needs goes from the cache. Elsewhere the disk begins to write each part
/// at once. It is not synced: that would hold up the syncs of the ledger.
struct NewFile: ~Copyable {
    /// A system call failed.
    struct Failure: Error {
        /// `errno`.
        var code: CInt
    }

    /// Lengths and addresses that every file system takes past its cache are multiples of it.
    static let alignment = 4_096

    #if os(Linux) && (arch(x86_64) || arch(i386))
        /// `O_DIRECT`, which the C library's module does not show; each processor has a number of its own for it.
        private static let pastCache: CInt = 0o40000
    #elseif os(Linux) && (arch(arm64) || arch(arm))
        private static let pastCache: CInt = 0o200000
    #else
        private static let pastCache: CInt = 0
    #endif

    private let descriptor: CInt
    private var isDirect: Bool
    /// In bytes.
    private(set) var length = 0

    init(_ path: String) throws(Failure) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        var opened = open(path, flags | Self.pastCache, 0o600)
        isDirect = opened >= 0 && Self.pastCache != 0
        if opened < 0, errno == EINVAL {
            // Some file systems have made it all the same.
            unlink(path)
            opened = open(path, flags, 0o600)
        }
        guard opened >= 0 else { throw Failure(code: errno) }
        descriptor = opened
    }

    deinit {
        close(descriptor)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let begin = length
        while length - begin < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[(length - begin)...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(length))
            if count > 0 {
                length += count
            } else if count < 0, errno == EINVAL, isDirect {
                try endDirect()
            } else if count == 0 || errno != EINTR {
                throw Failure(code: count == 0 ? ENOSPC : errno)
            }
        }
        if !isDirect { beginWriting(begin..<length) }
    }

    /// The rest goes through the page cache: its length is odd, or the file system wants it so.
    private mutating func endDirect() throws(Failure) {
        guard fcntl(descriptor, F_SETFL, 0) == 0 else { throw Failure(code: errno) }
        isDirect = false
    }

    /// Has the disk begin to write a part of the file, without waiting for it. To follow the advice that nobody needs the
    /// part soon, the system first writes what of it is not on the disk.
    private func beginWriting(_ part: Range<Int>) {
        #if os(Linux)
            _ = posix_fadvise(descriptor, off_t(part.lowerBound), off_t(part.count), POSIX_FADV_DONTNEED)
        #endif
    }
}

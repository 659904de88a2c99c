internal import CLibrary

/// What shows that a file is another one than before, or has other permissions.
package struct FileMark: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let bytes: Int64
    /// In nanoseconds since 1970.
    private let modified: Int64
    /// When the file, its owner or its permissions last changed, in nanoseconds since 1970. A file system gives a new file
    /// the inode of an old one, and never this moment.
    private let changed: Int64

    package init(device: UInt64 = 0, inode: UInt64, bytes: Int64, modified: Int64, changed: Int64) {
        self.device = device
        self.inode = inode
        self.bytes = bytes
        self.modified = modified
        self.changed = changed
    }

    /// A file that is not there has no mark.
    package init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        #if canImport(Darwin)
            let (modified, changed) = (info.st_mtimespec, info.st_ctimespec)
        #else
            let (modified, changed) = (info.st_mtim, info.st_ctim)
        #endif
        self.init(
            device: UInt64(truncatingIfNeeded: info.st_dev), inode: UInt64(info.st_ino), bytes: Int64(info.st_size),
            modified: Self.nanoseconds(modified), changed: Self.nanoseconds(changed))
    }

    static func all(_ paths: [String]) -> [FileMark?] { paths.map { FileMark($0) } }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

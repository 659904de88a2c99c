internal import CLibrary

/// The room on a disk, in bytes.
public struct DiskRoom: Sendable, Equatable {
    /// What a process without rights of its own may still write.
    public var free: Int
    public var total: Int

    package init(free: Int, total: Int) {
        self.free = free
        self.total = total
    }

    /// The room on the disk that `path` is on; `nil`, with the reason in `errno`, if the system does not say.
    public static func at(_ path: String) -> DiskRoom? {
        var found = statvfs()
        guard statvfs(path, &found) == 0 else { return nil }
        let block = UInt64(found.f_frsize)
        return DiskRoom(
            free: bytes(UInt64(found.f_bavail), of: block), total: bytes(UInt64(found.f_blocks), of: block))
    }

    /// Some file systems name more blocks than there are bytes in an `Int`.
    package static func bytes(_ blocks: UInt64, of block: UInt64) -> Int {
        let product = blocks.multipliedReportingOverflow(by: block)
        return product.overflow ? .max : Int(clamping: product.partialValue)
    }

    /// What a copy leaves free on the ledger's disk: a service without room for its log sells nothing.
    package var reserve: Int { max(64 << 20, min(total / 20, 1 << 30)) }
}

internal import CLibrary
internal import Foundation

/// Which file system a directory is on, and whether a ledger can be kept there (R35 The ledger's files).
public enum StorageLocation {
    /// File systems of other machines. Their locks, and the memory that SQLite shares between processes, cannot be
    /// relied on.
    private static let remoteKinds: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "gpfs", "9p", "ncpfs", "davfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone",
        "fuse.davfs2",
    ]

    /// The kind of file system that `path`, or the nearest directory above it that exists, is on, as the kernel names
    /// it: `ext4`, `nfs4`, `tmpfs`. `nil` where the system does not say.
    public static func kind(of path: String) -> String? {
        guard let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8) else { return nil }
        return kind(of: resolved(path), mounts: mounts)
    }

    /// - Parameters:
    ///   - path: absolute, without symbolic links.
    ///   - mounts: what `/proc/self/mountinfo` has
    ///     (https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html).
    package static func kind(of path: String, mounts: String) -> String? {
        var found: (point: Int, kind: String)?
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
            let point = unescaped(fields[4])
            guard point == "/" || path == point || path.hasPrefix(point + "/") else { continue }
            // A later mount on the same directory hides the earlier one.
            if let known = found, point.utf8.count < known.point { continue }
            found = (point.utf8.count, String(fields[dash + 1]))
        }
        return found?.kind
    }

    /// Whether a file system is kept by another machine.
    public static func isRemote(_ kind: String) -> Bool { remoteKinds.contains(kind) }

    /// Refuses a directory on another machine, and a ledger in it that belongs to another user: what this process would
    /// make beside that ledger would keep its owner's service from starting.
    static func check(_ directory: String) throws(LedgerError) {
        try refuseRemote(directory)
        let ledger = directory + "/" + EmbeddedStore.ledgerName
        var found = stat()
        guard stat(ledger, &found) == 0, found.st_uid != geteuid() else { return }
        let owner = owner(of: ledger) ?? "\(found.st_uid)"
        throw .unsuitable(
            path: ledger,
            reason: "it belongs to the user \(owner), and this process runs as \(NSUserName()); run it as \(owner)")
    }

    static func refuseRemote(_ path: String) throws(LedgerError) {
        guard let kind = kind(of: path), isRemote(kind) else { return }
        throw .unsuitable(
            path: path,
            reason:
                "it is on a network file system (\(kind)), whose locks and syncs a ledger cannot rely on; keep it on a "
                + "disk of this machine")
    }

    /// The name of the user that a file belongs to.
    public static func owner(of path: String) -> String? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.ownerAccountName] as? String
    }

    /// The absolute path without symbolic links of `path`, or of the nearest directory above it that exists.
    public static func resolved(_ path: String) -> String {
        var rest = path.isEmpty ? "." : path
        while true {
            if let real = realpath(rest, nil) {
                defer { free(real) }
                return String(cString: real)
            }
            let next = above(rest)
            if next == rest { return "/" }
            rest = next
        }
    }

    /// The directory that a path names something in; `.` for a name alone. Foundation's function ends the process where
    /// the name has one letter.
    public static func above(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The kernel writes space, tab, newline and backslash as `\040` and so on.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

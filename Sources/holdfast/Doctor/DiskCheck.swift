internal import CLibrary
internal import EmbeddedStore
internal import Foundation
internal import Settings

/// Whether the data directory can keep what is answered: file system, owner, space, how long a sync takes, and the ledger in it.
struct DiskCheck {
    /// With less the service soon sells nothing.
    private static let leastBytes = 64 << 20
    /// With less an operator should act.
    private static let fewBytes = 1 << 30
    /// Syncs that are measured; their median counts.
    private static let syncs = 16
    /// With slower syncs a lone buyer waits noticeably.
    private static let slowSync: Duration = .milliseconds(50)
    /// A slower one makes the service not ready (`EmbeddedStore.stall`).
    private static let stalledSync: Duration = .milliseconds(750)

    let settings: Settings

    private var data: String { settings.data }
    /// The data directory, or the nearest directory above it if it does not exist yet.
    private var directory: String { StorageLocation.resolved(data) }

    static func serviceRuns(in directory: String) -> Bool { EmbeddedStore.isInUse(directory) }

    func findings() -> [Finding] {
        guard settings.store == .embedded else { return [] }
        return fileSystem() + owners() + space() + sync() + ledger()
    }

    private func fileSystem() -> [Finding] {
        guard let kind = StorageLocation.kind(of: data) else { return [] }
        if StorageLocation.isRemote(kind) {
            return [
                .wrong(
                    "file system",
                    "\(data) is on a network file system (\(kind)), whose locks and syncs cannot be relied on",
                    "choose a data directory on a disk of this machine")
            ]
        }
        switch kind {
        case "tmpfs", "ramfs":
            return [
                .wrong(
                    "file system",
                    "\(data) is in memory (\(kind)): a restart of the machine loses everything that was sold",
                    "choose a data directory on a disk")
            ]
        case "overlay":
            return [
                .look(
                    "file system", "\(data) is in the layer of a container (overlay), and goes with the container",
                    "mount a volume there")
            ]
        default: return [.fine("file system", "\(data) is on \(kind)")]
        }
    }

    /// One file of another user is enough to keep the service from starting, or from reading its operators' keys.
    private func owners() -> [Finding] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: data), !names.isEmpty else { return [] }
        let files = names.map { data + "/" + $0 }.filter { !$0.hasSuffix(".partial") }
        let owners = Dictionary(grouping: files) { StorageLocation.owner(of: $0) ?? "nobody known" }
        let ledger = data + "/" + EmbeddedStore.ledgerName
        let owner = StorageLocation.owner(of: files.contains(ledger) ? ledger : data) ?? NSUserName()
        for (other, files) in owners where other != owner {
            return [
                .wrong(
                    "owner", "\(files.sorted().joined(separator: ", ")): of \(other), and the ledger is of \(owner)",
                    "chown \(owner) these files; run commands on the data directory as \(owner)")
            ]
        }
        guard owner == NSUserName() else {
            return [
                .look(
                    "owner", "\(data) belongs to \(owner), and this command runs as \(NSUserName())",
                    "run the service, and commands on the data directory, as \(owner)")
            ]
        }
        return [.fine("owner", "everything in \(data) belongs to \(owner)")]
    }

    private func space() -> [Finding] {
        guard let room = DiskRoom.at(directory) else {
            return [.wrong("space", "\(directory) cannot be looked at: \(Self.reason())", "see that the disk works")]
        }
        let free = room.free
        let ledger = data + "/" + EmbeddedStore.ledgerName
        let used = ((try? FileManager.default.attributesOfItem(atPath: ledger))?[.size] as? Int) ?? 0
        let text = "\(grouped(free >> 20)) MiB are free, the ledger has \(grouped(used >> 20)) MiB"
        if free < Self.leastBytes {
            return [.wrong("space", text, "make room: on a full disk nothing is sold")]
        }
        if free < max(Self.fewBytes, used) {
            return [.look("space", text, "make room: a copy of the ledger, or a long log, would fill the disk")]
        }
        return [.fine("space", text)]
    }

    /// Writes and syncs a page again and again, as a lone hold does.
    private func sync() -> [Finding] {
        let path = directory + "/.holdfast-doctor-\(getpid())"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            return [
                .wrong(
                    "sync time", "nothing can be written in \(directory): \(Self.reason())",
                    "see who owns it, and how it is mounted")
            ]
        }
        defer {
            close(descriptor)
            unlink(path)
        }
        let page = [UInt8](repeating: 0x68, count: 4_096)
        var times: [Duration] = []
        for _ in 0..<Self.syncs {
            let began = ContinuousClock.now
            guard write(descriptor, page, page.count) == page.count, fsync(descriptor) == 0 else {
                return [.wrong("sync time", "a sync in \(directory) fails: \(Self.reason())", "see the kernel's log")]
            }
            times.append(ContinuousClock.now - began)
        }
        times.sort()
        let median = times[times.count / 2]
        let text =
            "a write and its sync take \(median.milliseconds) ms (the slowest of \(times.count): "
            + "\(times[times.count - 1].milliseconds) ms)"
        if median > Self.stalledSync {
            return [.wrong("sync time", text, "choose a faster disk: with syncs over 750 ms the service is not ready")]
        }
        if median > Self.slowSync {
            return [.look("sync time", text, "choose a faster disk: each hold that comes alone waits for one sync")]
        }
        return [.fine("sync time", text)]
    }

    private func ledger() -> [Finding] {
        let path = data + "/" + EmbeddedStore.ledgerName
        guard FileManager.default.fileExists(atPath: path) else {
            return [.fine("ledger", "there is none yet; the first start makes \(path)")]
        }
        do {
            if try LedgerMigration.isDeparted(path) {
                return [
                    .wrong(
                        "ledger", LedgerError.departed(path: path).description,
                        "start the service on the new store, or undo the export")
                ]
            }
            let changes = try LedgerMigration.pending(at: path)
            guard changes.isEmpty else {
                return [
                    .look(
                        "ledger", "\(path) is of an earlier release; the next start brings it up to date",
                        "make a copy first: holdfast backup. holdfast migrate --dry-run says what changes")
                ]
            }
            return [.fine("ledger", "\(path) is a ledger of this release")]
        } catch {
            return [.wrong("ledger", error.description, "put back a copy, or choose another data directory")]
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

extension Duration {
    /// Milliseconds with two decimals, for people.
    var milliseconds: String {
        let hundredths = components.seconds * 100_000 + components.attoseconds / 10_000_000_000_000
        return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
    }
}

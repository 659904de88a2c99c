import BoxOffice
import EmbeddedStore
import Foundation
import GRDB
import StoreContract
import Synchronization
import Testing
import TicketStore

/// R63 Backup.
@Suite("A copy has everything that was answered before it")
struct BackupTests {
    /// A store that sells, with token keys and an operator's key in its directory, and a room for copies.
    private func open() async throws -> (store: TestStore, room: TemporaryDirectory, keys: String) {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(5_000)))
        let keys = store.directory.path + "/token.keys"
        try Data("1 00\n".utf8).write(to: URL(fileURLWithPath: keys))
        _ = try OperatorKeyFile(directory: store.directory.path)
            .make(.init(name: "anna", role: .operator), at: WallTime(milliseconds: 1))
        return (store, try TemporaryDirectory(), keys)
    }

    private func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
    }

    @Test("Copies that are made while it sells are one moment each, and a store goes on from any of them")
    func whileItSells() async throws {
        let (store, room, keys) = try await open()
        defer { store.embedded.stop() }
        let (flag, embedded, buy) = (Flag(), store.embedded, try holdGA(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !flag.isSet {
                    guard case .decided(.held(let hold, _), _) = await embedded.perform(buy) else { return }
                    _ = await embedded.perform(.purchase(hold.id))
                }
            }
            defer { flag.set() }
            for number in 1...4 {
                let copy = room.path + "/\(number)"
                // What was answered before the copy began.
                var before = 0
                while before < number {
                    before = try await embedded.purchases(of: try code("hall"), after: nil, limit: 5_000).count
                }
                let report = try DataBackup(of: store.directory.path, tokenKeys: keys, to: copy)
                    .make(recounts: true) { _ in }
                #expect(report.recount?.broken == nil)
                #expect(report.recount?.purchases ?? 0 >= before)
                #expect(try names(copy) == ["ledger.sqlite", "operators.sqlite", "token.keys"])
                #expect(try mode(copy) == 0o700)
                #expect(try names(copy).map { try mode(copy + "/" + $0) } == [0o600, 0o600, 0o600])
                let next = try TestStore(directory: TemporaryDirectory(movedFrom: copy))
                #expect(next.embedded.ledgerIdentity == store.embedded.ledgerIdentity)
                #expect(next.embedded.keySecret == store.embedded.keySecret)
                #expect(next.embedded.series.starts(with: store.embedded.series))
                let kept = try await next.embedded.purchases(of: try code("hall"), after: nil, limit: 5_000).count
                #expect(kept == report.recount?.purchases)
                #expect(try OperatorKeyFile(directory: next.directory.path).list().map(\.name) == ["anna"])
                next.embedded.stop()
            }
        }
        #expect(try names(room.path) == [])
    }

    @Test("The copy of a stopped and of a killed store has what they had, and changes nothing beside them")
    func stopped() async throws {
        let (store, room, keys) = try await open()
        _ = try await store.outcome(try holdGA(1))
        let killed = try store.directory.copy()
        store.embedded.stop()
        for (number, place) in [store.directory.path, killed.path].enumerated() {
            let before = try names(place)
            let report = try DataBackup(of: place, tokenKeys: keys, to: room.path + "/\(number)/")
                .make(recounts: true) { _ in }
            #expect(report.recount?.holds == 1)
            #expect(try names(place) == before)
        }
    }

    @Test(
        "While somebody writes to the ledger, a copy rests as long as it works",
        arguments: [
            (20, 0, 20), (20, 249, 20), (20, 250, 0), (20, nil, 0), (0, 0, 0), (2_000, 0, 500),
        ] as [(Int, Int?, Int)])
    func pace(step: Int, sinceWrite: Int?, rest: Int) {
        #expect(
            CopyPace.rest(after: .milliseconds(step), sinceWrite: sinceWrite.map { .milliseconds($0) })
                == .milliseconds(rest))
    }

    @Test("A copy makes way for a ledger that sells, and for no other")
    func makesWay() async throws {
        let (store, room, keys) = try await open()
        let (data, ledger) = (store.directory.path, store.directory.path + "/ledger.sqlite")
        var backup = DataBackup(of: data, tokenKeys: keys, to: room.path + "/selling")
        // It has written just now, however slow the machine is.
        #expect(try #require(backup.sinceWrite(ledger)) < .seconds(60))
        #expect(backup.sinceWrite(room.path) == nil)
        for (selling, since) in [(true, Duration.zero), (false, .seconds(1))] {
            let flag = Flag()
            backup = DataBackup(of: data, tokenKeys: keys, to: room.path + "/\(selling)")
            backup.sinceWrite = { $0 == ledger ? since : nil }
            backup.rest = { _ in flag.set() }
            _ = try backup.make(recounts: false) { _ in }
            #expect(flag.isSet == selling)
        }
        store.embedded.stop()
    }

    @Test("What cannot be copied, or where, is refused in one sentence and leaves nothing behind")
    func refusals() async throws {
        let (store, room, keys) = try await open()
        store.embedded.stop()
        let data = store.directory.path
        let (ledger, other) = (data + "/ledger.sqlite", try TemporaryDirectory())
        try Data("not a database at all, but long enough to be looked at".utf8)
            .write(to: URL(fileURLWithPath: other.path + "/ledger.sqlite"))
        func refusal(
            of data: String, _ keys: String, to target: String, recounts: Bool = false
        ) throws -> BackupError? {
            let before = try names(room.path)
            defer { #expect((try? names(room.path)) == before) }
            return #expect(throws: BackupError.self) {
                _ = try DataBackup(of: data, tokenKeys: keys, to: target).make(recounts: recounts) { _ in }
            }
        }
        #expect(try refusal(of: data, keys, to: data) == .exists(path: data))
        #expect(try refusal(of: data, keys, to: data + "/copy") == .inside(path: data + "/copy", data: data))
        let link = room.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: data)
        #expect(try refusal(of: data, keys, to: link) == .exists(path: link))
        #expect(try refusal(of: data, keys, to: link + "/copy") == .inside(path: link + "/copy", data: data))
        let lost = room.path + "/none/copy"
        #expect(try refusal(of: data, keys, to: lost)?.description.contains("there is no directory") == true)
        let target = room.path + "/copy"
        #expect(try refusal(of: data, data + "/none", to: target)?.description.contains("--token-keys") == true)
        #expect(
            try refusal(of: other.path, keys, to: target) == .ledger(.notALedger(path: other.path + "/ledger.sqlite")))
        #expect(
            try refusal(of: TemporaryDirectory().path, keys, to: target)?.description.contains("there is no ledger")
                == true)
        try sql(ledger, "INSERT INTO purchases (hold, seq, at, late) VALUES (77, 999, 1, 0)")
        #expect(try refusal(of: data, keys, to: target, recounts: true)?.description.contains("breaks a rule") == true)
        try sql(ledger, "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')")
        #expect(try refusal(of: data, keys, to: target) == .ledger(.tooNew(path: ledger)))
    }

    @Test("A copy that is stopped in the middle leaves nothing behind")
    func cancelled() async throws {
        let (store, room, keys) = try await open()
        defer { store.embedded.stop() }
        #expect(throws: CancellationError.self) {
            _ = try DataBackup(of: store.directory.path, tokenKeys: keys, to: room.path + "/copy")
                .make(recounts: false) { _ in throw CancellationError() }
        }
        #expect(try names(room.path) == [])
    }

    @Test("A copy that is stopped before its recount, or after it, leaves nothing behind", arguments: [true, false])
    func cancelledLate(recounts: Bool) async throws {
        let (store, room, keys) = try await open()
        defer { store.embedded.stop() }
        let backup = DataBackup(of: store.directory.path, tokenKeys: keys, to: room.path + "/copy")
        // Once for the log and once for the ledger.
        let calls = Mutex(0)
        #expect(throws: CancellationError.self) {
            _ = try backup.make(recounts: recounts) { _ in
                let call = calls.withLock { calls in
                    calls += 1
                    return calls
                }
                if call > 2 { throw CancellationError() }
            }
        }
        #expect(calls.withLock { $0 } == 3)
        #expect(try names(room.path) == [])
    }

    @Test("A copy that would fill the ledger's disk is refused before it begins, and ends when others fill that disk")
    func room() async throws {
        let (store, room, keys) = try await open()
        defer { store.embedded.stop() }
        let (data, target, enough) = (store.directory.path, room.path + "/copy", 64 << 20)
        let refusal = BackupError.wouldFill(path: target, data: data, reserve: enough)
        /// Makes a copy while the disk has so much free at the first looks, and then always the last one.
        func make(_ free: [Int]) throws -> Int {
            let looks = Mutex(0)
            var backup = DataBackup(of: data, tokenKeys: keys, to: target)
            backup.room = { [path = room.path] place in
                #expect(place == path)
                let look = looks.withLock { looks in
                    defer { looks += 1 }
                    return looks
                }
                return DiskRoom(free: free[min(look, free.count - 1)], total: 1 << 30)
            }
            _ = try backup.make(recounts: false) { _ in }
            return looks.withLock { $0 }
        }
        #expect(throws: refusal) { _ = try make([enough]) }
        #expect(throws: refusal) { _ = try make([enough * 2, enough - 1]) }
        #expect(try names(room.path) == [])
        #expect(try make([enough * 2, enough]) > 1)
        #expect(try names(room.path) == ["copy"])
    }

    @Test("What stays free on a disk follows its size, and room beyond all numbers is not a trap")
    func rooms() {
        let reserves = [0, 2 << 30, 1 << 40].map { DiskRoom(free: 0, total: $0).reserve }
        #expect(reserves == [64 << 20, (2 << 30) / 20, 1 << 30])
        #expect(DiskRoom.bytes(3, of: 4_096) == 12_288)
        #expect(DiskRoom.bytes(.max, of: 4_096) == .max)
        #expect(DiskRoom.bytes(1 << 63, of: 1) == .max)
    }

    @Test("A name that something has is not given again, also not that of an empty directory")
    func freshNames() throws {
        let room = try TemporaryDirectory()
        let (new, taken) = (room.path + "/new", room.path + "/taken")
        for path in [new, taken] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        #expect(!FreshName.rename(new, to: taken))
        #expect(try names(room.path) == ["new", "taken"])
        #expect(FreshName.rename(new, to: room.path + "/free"))
        #expect(try names(room.path) == ["free", "taken"])
    }
}

/// R35 The ledger's files.
@Suite("The lock of a ledger")
struct LedgerLockTests {
    @Test("A lock that a command has for a moment does not keep a service from starting; that of a service does")
    func twice() throws {
        let room = try TemporaryDirectory()
        let path = room.path + "/lock"
        let other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(other) }
        #expect(flock(other, LOCK_SH | LOCK_NB) == 0)
        #expect(throws: LedgerError.self) { _ = try LedgerLock(path: path, whenHeld: {}) }
        do {
            let lock = try LedgerLock(path: path) { flock(other, LOCK_UN) }
            #expect(LedgerLock.isHeld(path))
            _ = consume lock
        }
        #expect(!LedgerLock.isHeld(path))
    }
}

/// What ends a task.
private final class Flag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock { $0 } }

    func set() {
        state.withLock { $0 = true }
    }
}

extension TemporaryDirectory {
    /// A directory with what `path` had, which is gone.
    convenience init(movedFrom path: String) throws {
        try self.init()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.moveItem(atPath: path + "/" + name, toPath: self.path + "/" + name)
        }
        try FileManager.default.removeItem(atPath: path)
    }
}

/// R35 The ledger's files.
@Suite("Where a ledger can be kept, and how it is brought up to date")
struct StorageLocationTests {
    private static let mounts = """
        22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
        30 22 0:40 / /srv rw,relatime shared:12 - nfs4 files:/export rw,vers=4.2
        31 30 8:2 / /srv/local\\040disk rw shared:13 master:1 - xfs /dev/sdb rw
        32 22 0:41 / /mnt rw - tmpfs none rw
        33 22 0:42 / /mnt rw - fuse.sshfs host:/ rw
        a line that is too short
        """

    @Test(
        "The kind of file system is that of the nearest mount above a path, and the later one of two on one directory",
        arguments: [
            ("/", "ext4"), ("/home/x", "ext4"), ("/srv", "nfs4"), ("/srv/a", "nfs4"), ("/srvx", "ext4"),
            ("/srv/local disk", "xfs"), ("/srv/local disk/data", "xfs"), ("/mnt/a", "fuse.sshfs"),
        ])
    func kinds(path: String, kind: String) {
        #expect(StorageLocation.kind(of: path, mounts: Self.mounts) == kind)
    }

    @Test(
        "A name alone is in the working directory, and every path leads to a directory that is there",
        arguments: [("d", "."), ("data", "."), ("./d", "."), ("/d", "/"), ("a/b", "a"), ("/", "/"), ("", ".")])
    func above(path: String, above: String) {
        #expect(StorageLocation.above(path) == above)
        #expect(FileManager.default.fileExists(atPath: StorageLocation.resolved(path)))
    }

    @Test("Kinds of other machines are known", arguments: ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs"])
    func remote(kind: String) {
        #expect(StorageLocation.isRemote(kind))
        #expect(!["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse"].contains(where: StorageLocation.isRemote))
    }

    @Test("A change of a later release is listed and not made, then made once, and not while a service has the ledger")
    func migration() async throws {
        let store = try TestStore()
        _ = try await store.outcome(.define(try hall(9)))
        let data = store.directory.path
        #expect(throws: LedgerError.self) { _ = try LedgerMigration.run(in: data) }
        store.embedded.stop()
        try sql(
            store.ledgerPath, "DROP TABLE hold_codes; DELETE FROM grdb_migrations WHERE identifier = '8 codes'")
        #expect(try LedgerMigration.pending(at: store.ledgerPath) == ["8 codes"])
        #expect(try LedgerMigration.pending(at: store.ledgerPath) == ["8 codes"])
        #expect(try LedgerMigration.run(in: data) == ["8 codes"])
        #expect(try LedgerMigration.run(in: data) == [])
        #expect(try LedgerAudit.recount(path: store.ledgerPath).broken == nil)
    }
}

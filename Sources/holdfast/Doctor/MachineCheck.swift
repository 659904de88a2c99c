internal import BoxOffice
internal import CLibrary
internal import EmbeddedStore
internal import Foundation
internal import Settings
internal import TicketAPI
internal import TicketStore

/// The machine: its clock, its limit of open files, and the queue of its kernel for new connections.
struct MachineCheck {
    /// A ledger that was changed later than now by more was changed by another clock.
    private static let noticedLead: TimeInterval = 5

    let settings: Settings

    func findings() -> [Finding] {
        clock() + descriptors() + waitingConnections()
    }

    private func clock() -> [Finding] {
        let log = settings.data + "/" + EmbeddedStore.ledgerName + "-wal"
        let now = Double(MachineClock.read().wall.milliseconds) / 1_000
        if let changed = (try? FileManager.default.attributesOfItem(atPath: log))?[.modificationDate] as? Date,
            changed.timeIntervalSince1970 > now + Self.noticedLead
        {
            return [
                .look(
                    "clock",
                    "the ledger's log was written \(Int(changed.timeIntervalSince1970 - now)) s later than now",
                    "see that the time of day is right: sales open and close by it")
            ]
        }
        switch Self.isSynchronized() {
        case true?: return [.fine("clock", "it follows a time server")]
        case false?:
            return [
                .look(
                    "clock",
                    "it follows no time server, so sales open and close by what this machine takes for the time",
                    "run chrony or systemd-timesyncd; deadlines of holds do not depend on it")
            ]
        case nil:
            return [.look("clock", "the system does not say whether it is right", "see that it follows a time server")]
        }
    }

    /// Whether the kernel takes its clock for right; `nil` where it does not say.
    ///
    /// Swift's module of the C library lacks adjtimex(2), so it is found by its name. It only reads here: every member of its
    /// structure, which has 208 bytes, is 0.
    private static func isSynchronized() -> Bool? {
        #if os(Linux)
            typealias Call = @convention(c) (UnsafeMutableRawPointer) -> CInt
            guard let symbol = dlsym(nil, "adjtimex") else { return nil }
            var room = [UInt64](repeating: 0, count: 64)
            let state = room.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { unsafeBitCast(symbol, to: Call.self)($0) } ?? -1
            }
            let notSynchronized: CInt = 5
            return state < 0 ? nil : state != notSynchronized
        #else
            return nil
        #endif
    }

    private func descriptors() -> [Finding] {
        var configuration = ServiceConfiguration(
            classicEvent: EventFile.standard.id, worth: DurabilityPromise(purchases: "", holds: ""))
        configuration.connections = settings.limits.connections
        configuration.threads = settings.threads
        // Each address accepts by itself. What is wrong with them says another check.
        if let addresses = try? settings.addresses() { configuration.addresses = addresses }
        let (needed, most) = OpenFiles.room(for: configuration.descriptors)
        let text = "\(grouped(settings.limits.connections)) connections need \(grouped(needed)) open files"
        guard needed <= most else {
            return [
                .wrong(
                    "descriptors", "\(text), and a process may have \(grouped(most))",
                    "raise the limit (ulimit -n, LimitNOFILE= in systemd), or lower limits.connections")
            ]
        }
        return [.fine("descriptors", "\(text); a process may have \(most == .max ? "any number" : grouped(most))")]
    }

    private func waitingConnections() -> [Finding] {
        let wanted = ServiceConfiguration(
            classicEvent: EventFile.standard.id, worth: DurabilityPromise(purchases: "", holds: "")
        ).backlog
        guard let text = try? String(contentsOfFile: "/proc/sys/net/core/somaxconn", encoding: .utf8),
            let most = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), most < wanted
        else { return [] }
        return [
            .look(
                "new connections",
                "the kernel keeps \(grouped(most)) that are not accepted yet, and \(grouped(wanted)) are asked for",
                "sysctl net.core.somaxconn=\(wanted), for the second in which a sale opens")
        ]
    }
}

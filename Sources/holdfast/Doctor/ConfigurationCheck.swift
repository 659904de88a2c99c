internal import BoxOffice
internal import EmbeddedStore
internal import Foundation
internal import Logging
internal import Settings
internal import TicketAPI

/// Whether the files that the settings name can be used.
struct ConfigurationCheck {
    /// Milliseconds.
    private static let day: Int64 = 24 * 3_600_000
    /// Days before its end in which a certificate should have been renewed.
    private static let renewal: Int64 = 14

    let settings: Settings

    func findings() -> [Finding] {
        let file = settings.config.map { "the settings in \($0), in flags and in the environment" } ?? "the settings"
        return [.fine("configuration", "\(file) are allowed")] + events() + tokenKeys() + certificate() + durability()
    }

    private func events() -> [Finding] {
        do {
            let definitions = try settings.events.map(EventFile.read)
            try EventFile.refuseDoubles(definitions, in: settings.events)
            return definitions.flatMap(findings) + queues(of: definitions)
        } catch {
            return [.wrong("events", "\(error)", "correct the file; the service does not start with it")]
        }
    }

    private func findings(of definition: EventDefinition) -> [Finding] {
        let warnings = definition.warnings.map {
            Finding.look("events", "\(definition.id): \($0.pointer) \($0.what)", "see that it is meant so")
        }
        return warnings.isEmpty ? [.fine("events", "the file of \(definition.id) is a valid definition")] : warnings
    }

    /// A queue by devices is as fair as it is hard to join often.
    private func queues(of definitions: [EventDefinition]) -> [Finding] {
        guard settings.quota.perSecond == 0 else { return [] }
        return definitions.filter { $0.queue?.identity == .device }.map {
            .look(
                "queues", "\($0.id) has a queue, and one program can join it as often as it likes",
                "set quota.per_second, to 20 for example")
        }
    }

    private func tokenKeys() -> [Finding] {
        let path = settings.tokenKeys ?? settings.data + "/" + TokenKeyFile.name
        if settings.store != .embedded, settings.tokenKeys == nil {
            return [
                .look(
                    "token keys", "each node signs tokens with keys of its own",
                    "give every node the same file with token_keys, or a buyer's token is unknown on the others")
            ]
        }
        guard FileManager.default.fileExists(atPath: path) else {
            return settings.tokenKeys == nil
                ? [.fine("token keys", "the first start makes \(path)")]
                : [.wrong("token keys", "there is no \(path)", "put the keys of the other nodes there")]
        }
        let mode = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int ?? 0
        if mode & 0o007 != 0 {
            return [
                .wrong("token keys", "everybody on this machine can read \(path) and make tokens", "chmod 600 \(path)")
            ]
        }
        do {
            let keys = try TokenKeyFile.keys(at: path)
            return [.fine("token keys", "\(path) has \(keys.count), and number \(keys.last?.number ?? 0) signs")]
        } catch {
            return [.wrong("token keys", "\(error)", "put the file back from a copy; tokens are unknown without it")]
        }
    }

    private func certificate() -> [Finding] {
        do {
            guard let certificates = try settings.certificates(Logger(label: "holdfast.tls")) else { return [] }
            let left = (certificates.end.milliseconds - MachineClock.read().wall.milliseconds) / Self.day
            let text = "the TLS certificate is good for \(left) more days"
            return left < Self.renewal
                ? [.look("certificate", text, "see that it is renewed: its files are read anew when they change")]
                : [.fine("certificate", text)]
        } catch {
            return [
                .wrong("certificate", "\(error)", "put a certificate and its key there; the service does not start")
            ]
        }
    }

    private func durability() -> [Finding] {
        guard settings.durability == .relaxed else { return [] }
        return [
            .look(
                "durability", "answers leave before the disk has synced, so a power cut may undo the last ones",
                "set durability to full if that is not meant")
        ]
    }
}

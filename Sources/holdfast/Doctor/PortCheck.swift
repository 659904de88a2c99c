internal import EmbeddedStore
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import Settings
internal import StrictJSON
internal import TicketAPI

/// Whether the service can listen, or already does and answers.
struct PortCheck {
    let settings: Settings
    /// Whether a service has the data directory.
    let isRunning: Bool

    func findings() async -> [Finding] {
        var findings: [Finding] = []
        for entry in settings.listening {
            switch entry {
            case .tcp(let host, let port, let isSecure):
                findings.append(await tcp(host, port, isSecure ?? (settings.tls.certificate != nil)))
            case .unix(let path): findings.append(unix(path))
            case .systemd: findings.append(.fine("port", "systemd hands over the sockets"))
            }
        }
        guard let metrics = settings.metrics.listen, metrics.port != 0,
            let error = await Self.obstacle(metrics.host, metrics.port),
            !findings.contains(where: { $0.subject == "service" })
        else { return findings }
        return findings + [
            .wrong(
                "metrics port",
                "cannot listen on \(StartupBanner.address(metrics.host, metrics.port)): \(ListenError.reason(error))",
                "choose another address for metrics.listen")
        ]
    }

    private func tcp(_ host: String, _ port: Int, _ isSecure: Bool) async -> Finding {
        if port == 0 { return .fine("port", "any free one") }
        let address = StartupBanner.address(host, port)
        if let error = await Self.obstacle(host, port) {
            let answer = isRunning || settings.store != .embedded ? await readiness(host, port, isSecure) : nil
            return answer
                ?? .wrong(
                    "port", "cannot listen on \(address): \(ListenError.reason(error))", "choose another host or port")
        }
        guard isRunning else { return .fine("port", "\(address) is free") }
        return .look(
            "port", "a service has \(settings.data) and does not listen on \(address)",
            "give this command the settings of that service")
    }

    private func unix(_ path: String) -> Finding {
        do {
            try UnixSocketPath.check(path)
        } catch UnixSocketError.inUse where isRunning {
            return .fine("service", "it runs, and a process listens at \(path)")
        } catch UnixSocketError.inUse where settings.store != .embedded {
            return .look(
                "port", "a process listens at \(path)",
                "see that it is this service; with another one no start succeeds")
        } catch {
            return .wrong(
                "port", "cannot listen at \(path): \(ListenError.reason(error))",
                "see what is there, or choose another path")
        }
        guard FileManager.default.isWritableFile(atPath: StorageLocation.above(path)) else {
            return .wrong(
                "port", "no socket can be made at \(path)", "make its folder, and let the service write there")
        }
        return .fine("port", "a socket can be made at \(path)")
    }

    /// What keeps a process from listening on an address.
    private static func obstacle(_ host: String, _ port: Int) async -> (any Error)? {
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try? await channel.close()
            return nil
        } catch {
            return error
        }
    }

    /// What the service that runs says about itself; `nil` if nothing answers as one.
    private func readiness(_ host: String, _ port: Int, _ isSecure: Bool) async -> Finding? {
        let local = "http://" + StartupBanner.address(["0.0.0.0", "::"].contains(host) ? "127.0.0.1" : host, port)
        // A certificate is for the name that browsers use, and not for an address of this machine.
        let url = isSecure ? settings.publicURL ?? "" : local
        if url.isEmpty || isSecure && !isRunning {
            return .look(
                "service", "a process listens on port \(port), and it cannot be asked who it is",
                isRunning
                    ? "set public_url, at which a service with TLS can be asked"
                    : "see that it is this service; with another one no start succeeds")
        }
        guard let address = try? ServiceAddress(url),
            let answer = try? await ServiceClient(address: address, key: nil, traceparent: nil)
                .ask(.get, "/health/ready"),
            let document = try? answer.document()
        else { return nil }
        if answer.status == 200, let state = document.member("status")?.text {
            return state == "ready"
                ? .fine("service", "it runs at \(url) and is ready")
                : .look(
                    "service", "it runs at \(url) and is \(state.printable)",
                    "see \(url)/health/ready and docs/operating.md")
        }
        guard let detail = document.member("detail")?.text else { return nil }
        return .wrong(
            "service", "it runs at \(url) and cannot sell: \(detail.printable)",
            "see what docs/operating.md says of readiness")
    }
}

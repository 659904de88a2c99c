public import ServiceLifecycle

/// Looks once a second whether the files of the certificate have changed (R62 TLS).
public struct CertificateWatch: Service {
    private let certificates: TLSCertificates
    private let clock: any Clock<Duration>

    public init(_ certificates: TLSCertificates, clock: any Clock<Duration> = ContinuousClock()) {
        self.certificates = certificates
        self.clock = clock
    }

    /// Looks until a graceful shutdown, or until it is cancelled.
    public func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await clock.sleep(for: .seconds(1))) != nil { certificates.look() }
        }
    }
}

import EmbeddedStore
import Foundation
import Logging
import StoreContract
import Testing
import TicketStore

/// R35 The ledger's files.
@Suite("Files of the ledger that go while it sells")
struct LostFilesTests {
    @Test(
        "A ledger that is removed or replaced stops the sale and is saved in a copy; when it is back, the sale goes on",
        .timeLimit(.minutes(5)), arguments: [false, true])
    func lost(isReplaced: Bool) async throws {
        let directory = try TemporaryDirectory()
        var configuration = EmbeddedStore.Configuration(directory: directory.path)
        configuration.looksAtFilesEvery = .milliseconds(10)
        let store = try EmbeddedStore(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        defer { store.stop() }
        _ = await store.perform(.define(try hall(9)))
        let (ledger, elsewhere) = (directory.path + "/ledger.sqlite", directory.path + "/elsewhere")
        try FileManager.default.moveItem(atPath: ledger, toPath: elsewhere)
        if isReplaced { try Data().write(to: URL(fileURLWithPath: ledger)) }
        #expect(try await eventually { store.condition == .suspended(.filesLost) })
        guard case .failed(.suspended(.filesLost)) = await store.perform(try holdGA()) else {
            Issue.record("a hold was decided without its ledger")
            return
        }
        #expect(
            try await eventually {
                try FileManager.default.contentsOfDirectory(atPath: directory.path).contains {
                    $0.hasPrefix("ledger.rescued-") && $0.hasSuffix(".sqlite")
                }
            })
        try? FileManager.default.removeItem(atPath: ledger)
        try FileManager.default.moveItem(atPath: elsewhere, toPath: ledger)
        #expect(try await eventually { store.condition == .selling })
        guard case .decided(.held, _) = await store.perform(try holdGA()) else {
            Issue.record("nothing is sold although the ledger is back")
            return
        }
    }
}

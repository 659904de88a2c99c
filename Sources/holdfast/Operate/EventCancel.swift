internal import ArgumentParser
internal import BoxOffice

extension Events {
    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cancel an event.",
            discussion: """
                Nothing of it is sold any more, its live holds end, and payments that still arrive are
                owed back. Its purchases stay: pay each back, and return it. `event reinstate` undoes
                this within an hour, if nothing was paid back.
                """)

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.set(id, "cancel", why, "is cancelled")
        }
    }

    struct Reinstate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Undo a cancellation, within an hour and if nothing was paid back.")

        @Argument(help: "The event.")
        var id: Code

        @OptionGroup var why: ReasonOption

        @OptionGroup(title: "Service") var service: ServiceOptions

        func run() async throws {
            try await service.set(id, "reinstate", why, "is not cancelled")
        }
    }
}

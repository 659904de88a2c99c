internal import ArgumentParser
internal import Settings

/// Prints what is in force and where each value came from.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print each setting in force and where it came from.",
        discussion: "Takes the flags of `serve`, so that a command line can be tried before it is used.")

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print the reference of all settings as Markdown instead.")
    var reference = false

    func run() async throws {
        try await Failure.reported {
            if reference {
                print(Setting.reference(), terminator: "")
                return
            }
            let settings = try options.loadReported()
            print(json ? settings.reportJSON() : settings.report(), terminator: "")
        }
    }
}

extension SettingsOptions {
    /// The settings, their errors as failures of the command.
    func loadReported() throws -> Settings {
        do {
            return try load()
        } catch {
            throw Failure(error.description, status: error.exitCode)
        }
    }
}

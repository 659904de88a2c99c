internal import ArgumentParser
internal import Settings

/// Prints the settings in force, and where each value came from.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print each setting in force, and where it came from.",
        discussion: "It accepts the flags of `serve`, so you can check a command line before you use it.")

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await Failure.reported {
            let settings = try options.loadReported()
            print(json ? settings.reportJSON() : settings.report(), terminator: "")
        }
    }
}

extension SettingsOptions {
    /// The settings. Throws ``Failure`` if they are wrong.
    func loadReported() throws -> Settings {
        do {
            return try load()
        } catch {
            throw Failure(error.description, status: error.exitCode)
        }
    }
}

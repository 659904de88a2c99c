internal import Foundation
internal import Logging
internal import Pages
internal import Settings
internal import TicketAPI

/// The theme of the pages, as the settings and the logo's file give it.
enum ThemeFile {
    /// - Throws: ``Failure`` if the logo cannot be read or is not an image. An accent that cannot be read on pages is not a failure:
    ///   pages show one that can, and the log says which.
    static func theme(_ settings: Settings.Theme, _ logger: Logger) throws -> PageTheme {
        do {
            let theme = try PageTheme(
                name: settings.name, logo: try settings.logo.map(logo), accent: settings.accent,
                imprint: settings.imprint, privacy: settings.privacy)
            for adjustment in theme.adjustments {
                logger.notice(
                    "The accent colour has too little contrast on these pages, so they show one near it",
                    metadata: [
                        "pages": "\(adjustment.scheme)", "given": "\(adjustment.given)", "shown": "\(adjustment.shown)",
                    ])
            }
            return theme
        } catch let mistake as PageTheme.Mistake {
            let path = settings.logo ?? ""
            let reason =
                switch mistake {
                case .largeLogo: "pages.theme.logo: \(path) has more than \(PageTheme.logoBytes) bytes"
                case .strangeLogo: "pages.theme.logo: \(path) is neither an SVG nor a PNG image"
                case .noColour: "pages.theme.accent: \(settings.accent ?? "") is not a colour as in #0b5cad"
                }
            throw Failure(reason, status: Failure.badConfiguration)
        }
    }

    /// - Throws: ``Failure`` if there is no such folder.
    static func images(_ path: String) throws -> ImageFolder {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure("pages.images: there is no folder \(path)", status: Failure.badConfiguration)
        }
        return ImageFolder(path)
    }

    /// The bytes of the logo; no more than show that it is too large, since a path may lead to anything.
    private static func logo(_ path: String) throws -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            return Array(try file.read(upToCount: PageTheme.logoBytes + 1) ?? Data())
        } catch {
            let reason = (error as? CocoaError)?.code == .fileReadNoSuchFile ? "there is no such file" : "\(error)"
            throw Failure("pages.theme.logo: cannot read \(path): \(reason)", status: Failure.badConfiguration)
        }
    }
}

import Foundation
import Testing
import TicketAPI

@Suite("Images of events (R56 Presentation)")
struct ImageFolderTests {
    @Test(
        "An image is what its first bytes say",
        arguments: [
            ("\u{89}PNG\r\n\u{1a}\n…", "image/png"), ("\u{ff}\u{d8}\u{ff}\u{e0}", "image/jpeg"),
            ("RIFF\u{1}\u{2}\u{3}\u{4}WEBPVP8 ", "image/webp"), ("\u{0}\u{0}\u{0}\u{1c}ftypavif", "image/avif"),
            ("\u{0}\u{0}\u{0}\u{1c}ftypavis", "image/avif"), ("RIFF\u{1}\u{2}\u{3}\u{4}WAVE", nil),
            ("\u{0}\u{0}\u{0}\u{1c}ftypmp42", nil), ("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", nil),
            ("GIF89a", nil),
            ("\u{ff}\u{d8}", nil), ("", nil),
        ] as [(String, String?)])
    func kinds(start: String, kind: String?) {
        let bytes = start.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        #expect(ImageFolder.mediaType(of: bytes) == kind)
    }

    @Test(
        "A name leads to no other folder and to no hidden file",
        arguments: [
            ("summer.jpg", true), ("Summer-2026_v2.webp", true), ("a", true), (".env", false), ("..", false),
            ("", false),
            ("a/b.png", false), ("../a.png", false), ("a b.png", false), ("ä.png", false), ("a%2fb", false),
            (String(repeating: "a", count: 200), true), (String(repeating: "a", count: 201), false),
        ])
    func names(name: String, isGood: Bool) {
        #expect(ImageFolder.isName(name) == isGood)
    }

    @Test("A file is there as soon as it is put there; one that is too large, a folder and a pipe are none")
    func files() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let images = ImageFolder(folder.path)
        #expect(await images.image(named: "a.png") == nil)
        let png: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        func write(_ name: String, _ count: Int) throws {
            let bytes = png + [UInt8](repeating: 7, count: count - png.count)
            try Data(bytes).write(to: folder.appendingPathComponent(name))
        }
        try write("a.png", 100)
        #expect(await images.image(named: "a.png")?.bytes.count == 100)
        try write("largest.png", ImageFolder.mostBytes)
        #expect(await images.image(named: "largest.png")?.mediaType == "image/png")
        try write("larger.png", ImageFolder.mostBytes + 1)
        #expect(await images.image(named: "larger.png") == nil)
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("folder"), withIntermediateDirectories: true)
        #expect(await images.image(named: "folder") == nil)
        #expect(mkfifo(folder.appendingPathComponent("pipe").path, 0o600) == 0)
        #expect(await images.image(named: "pipe") == nil)
    }
}

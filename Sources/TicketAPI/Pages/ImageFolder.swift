internal import BoxOffice
internal import CLibrary
internal import NIOPosix

/// The operator's folder with images of events (R56 Presentation). A file that is put there is served at once.
package struct ImageFolder: Sendable {
    /// The most bytes of an image: about ten times what a good one needs.
    package static let mostBytes = 2 << 20
    /// What the path of an image has before its name.
    static let path = "/images/"

    private let folder: String

    /// - Parameter folder: a path. A relative one begins at the working directory.
    package init(_ folder: String) {
        self.folder = folder
    }

    /// An image, as a browser reads it.
    package struct Image: Sendable, Equatable {
        package var bytes: [UInt8]
        package var mediaType: String
    }

    /// The image with this name; `nil` if there is none, if it is too large, or if it is not an image by its bytes.
    ///
    /// Reading waits for the disk, so it is done on a thread for that.
    package func image(named name: String) async -> Image? {
        guard Self.isName(name) else { return nil }
        let path = "\(folder)/\(name)"
        return try? await NIOThreadPool.singleton.runIfActive { Self.read(path) }
    }

    /// Letters, digits, and `-`, `_` and `.` behind the first one: nothing that leads to another folder, and no hidden file.
    package static func isName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard bytes.first?.isLetterOrDigit == true, bytes.count <= 200 else { return false }
        return bytes.allSatisfy { $0.isLetterOrDigit || "-_.".utf8.contains($0) }
    }

    private static func read(_ path: String) -> Image? {
        // Opening a pipe would wait for its writer.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size <= mostBytes else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes { bytes in
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
                return pread(file, rest.baseAddress, rest.count, off_t(count))
            }
            guard more > 0 else { return nil }
            count += more
        }
        return mediaType(of: bytes).map { Image(bytes: bytes, mediaType: $0) }
    }

    /// What the bytes are, whatever the name says; `nil` for what is none of PNG, JPEG, WebP and AVIF. An SVG is none: it can
    /// load and run more than it shows.
    package static func mediaType(of bytes: [UInt8]) -> String? {
        func has(_ text: String, at offset: Int) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) { return "image/png" }
        if bytes.starts(with: [0xff, 0xd8, 0xff]) { return "image/jpeg" }
        if has("RIFF", at: 0), has("WEBP", at: 8) { return "image/webp" }
        if has("ftypavif", at: 4) || has("ftypavis", at: 4) { return "image/avif" }
        return nil
    }
}

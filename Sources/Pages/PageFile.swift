/// A file that pages load. Its path contains a digest of its bytes, so that browsers can keep it for ever.
package struct PageFile: Sendable {
    package let bytes: [UInt8]
    package let mediaType: String
    /// The last segment of its path.
    package let name: String

    /// The folder of all files.
    package static let folder = "/pages/"

    package var path: String { Self.folder + name }

    /// - Parameter name: as in `pages.css`; the digest goes before the last point.
    init(_ name: String, _ bytes: [UInt8], _ mediaType: String) {
        self.bytes = bytes
        self.mediaType = mediaType
        // FNV-1a: nobody gains from a collision of two versions, and 64 bits make it unlikely.
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let parts = name.split(separator: ".")
        self.name = "\(parts.dropLast().joined(separator: ".")).\(String(hash, radix: 36)).\(parts.last ?? "")"
    }
}

/// Something to send as it is.
public struct StaticPage: Sendable {
    public let bytes: [UInt8]
    public let mediaType: String
    /// Another one whenever the bytes are others (a strong `ETag`).
    public let tag: String

    init(_ bytes: [UInt8], _ mediaType: String) {
        self.bytes = bytes
        self.mediaType = mediaType
        // FNV-1a: nobody gains by two versions of these that look alike, and 64 bits keep it from happening.
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        tag = "\"\(String(hash, radix: 36))\""
    }
}

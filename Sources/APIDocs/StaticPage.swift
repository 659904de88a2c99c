/// A document that is always the same.
public struct StaticPage: Sendable {
    public let bytes: [UInt8]
    public let mediaType: String
    /// A strong `ETag`: it differs if the bytes differ.
    public let tag: String

    init(_ bytes: [UInt8], _ mediaType: String) {
        self.bytes = bytes
        self.mediaType = mediaType
        // FNV-1a: nobody gains from a collision of two versions, and 64 bits make it unlikely.
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        tag = "\"\(String(hash, radix: 36))\""
    }
}

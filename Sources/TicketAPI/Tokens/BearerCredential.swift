/// What stands behind `Bearer` in an `Authorization`.
struct BearerCredential {
    let bytes: UnsafeBufferPointer<UInt8>

    /// `nil` if the scheme is another one, or nothing follows it.
    init?(_ header: UnsafeBufferPointer<UInt8>) {
        guard let start = header.firstIndex(where: { $0 != UInt8(ascii: " ") }) else { return nil }
        let text = UnsafeBufferPointer(rebasing: header[start...])
        let scheme = "bearer " as StaticString
        guard text.count > scheme.utf8CodeUnitCount else { return nil }
        for position in 0..<scheme.utf8CodeUnitCount {
            let byte = text[position]
            let small = (0x41...0x5a).contains(byte) ? byte | 0x20 : byte
            guard small == scheme.utf8Start[position] else { return nil }
        }
        bytes = UnsafeBufferPointer(rebasing: text[scheme.utf8CodeUnitCount...])
    }
}

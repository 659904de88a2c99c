extension EventPresentation {
    /// Where browsers find ``image``.
    public enum ImageSource: Sendable, Equatable {
        /// At a path of our own origin.
        case here(path: String)
        /// At another origin, which the operator chose: each reader's browser asks it. The address has no query here, and
        /// can stand in a header.
        case elsewhere(address: String)

        /// - Returns: `nil` for what is not an address of an image: `https://`, a host and a path, or a path alone.
        init?(_ text: String) {
            let secure = "https://"
            guard text.utf8.count <= Limits.webAddressLength, text.utf8.allSatisfy(\.isOfWebAddress) else { return nil }
            if text.hasPrefix("/") {
                // Behind a second slash would be another host.
                guard text.utf8.dropFirst().first?.isLetterOrDigit == true else { return nil }
                self = .here(path: text)
                return
            }
            guard text.hasPrefix(secure) else { return nil }
            let rest = text.utf8.dropFirst(secure.utf8.count)
            let host = rest.prefix { $0 != UInt8(ascii: "/") }
            guard host.count < rest.count, host.first?.isLetterOrDigit == true,
                host.allSatisfy({ $0.isLetterOrDigit || "-.:".utf8.contains($0) })
            else { return nil }
            self = .elsewhere(address: String(text.prefix { $0 != "?" && $0 != "#" }))
        }
    }

    /// Where browsers find the image; `nil` if there is none.
    public var imageSource: ImageSource? { image.flatMap(ImageSource.init) }
}

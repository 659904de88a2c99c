public import BoxOffice
internal import StrictJSON

extension WallTime {
    /// The moment that `text` writes as RFC 3339; `nil` if it is not a moment of the calendar.
    public init?(rfc3339 text: String) {
        guard let milliseconds = RFC3339.milliseconds(of: text) else { return nil }
        self.init(milliseconds: milliseconds)
    }

    /// The moment in UTC as RFC 3339 writes it, with three digits of a second.
    public var rfc3339: String { RFC3339.text(of: milliseconds) }

    /// Appends the 24 bytes of ``rfc3339``, without quotation marks.
    public func appendRFC3339(to target: inout some RangeReplaceableCollection<UInt8>) {
        target.append(contentsOf: RFC3339.bytes(of: milliseconds))
    }
}

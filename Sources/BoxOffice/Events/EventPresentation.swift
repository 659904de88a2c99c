/// What people read of an event beyond its name: when and where it is, and what it is about (R56 Presentation).
///
/// No decision looks at it.
public struct EventPresentation: Sendable, Equatable {
    /// When it begins; `nil` if nothing is said.
    public var startsAt: WallTime?
    /// When it ends, which is later.
    public var endsAt: WallTime?
    /// The time zone in which people read its times: one of ``timeZones``. `nil` for each reader's own.
    public var timeZone: String?
    public var venue: String?
    public var address: String?
    /// Plain text. An empty line ends a paragraph.
    public var description: String?
    /// A picture of it: an address that begins with `https://`, or a path of the origin of our pages (``imageSource``).
    public var image: String?
    /// What the picture shows, for those who do not see it. Without it the picture is decoration.
    public var imageText: String?
    /// An address that begins with `http://` or `https://`, as ``termsURL``.
    public var website: String?
    /// What buyers should know of the prices, such as fees that are in them.
    public var priceNote: String?
    /// Where the terms are under which tickets are sold.
    public var termsURL: String?

    /// Says nothing.
    public init() {}

    /// What is wrong with members that belong together.
    func mistakes(at pointer: String) -> [Mistake] {
        mistakesOfTimes(at: pointer)
            + (imageText != nil && image == nil ? [.noImage(at: pointer + "/image_text")] : [])
    }

    private func mistakesOfTimes(at pointer: String) -> [Mistake] {
        guard let endsAt else { return [] }
        if let startsAt, startsAt < endsAt { return [] }
        return [.endsBeforeItStarts(at: pointer + "/ends_at")]
    }
}

extension Limits {
    /// Characters of an event's address, on one line.
    public static let addressLength = 300
    /// Characters of an event's description: some pages of a programme.
    public static let descriptionLength = 10_000
    /// Bytes of an address of the web; browsers and proxies take about as many.
    public static let webAddressLength = 2_000
}

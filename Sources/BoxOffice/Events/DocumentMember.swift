/// One member of the document that describes a `Root`: its name, where its value is, what the value may be, and what it
/// means.
///
/// ``EventDefinition/members(limits:)`` and ``EventDefinition/TicketType/members`` list them all. Checking, reading,
/// writing, comparing and the schema in the API's description go by these lists, so a new member is one row.
public struct DocumentMember<Root>: Sendable {
    public typealias Path<Part> = any WritableKeyPath<Root, Part> & Sendable

    /// What the value is, where it is, and within which bounds.
    public enum Value: Sendable {
        /// Required, because everything else refers to it.
        case code(Path<Code>)
        /// What people read: 1 to ``Limits/nameLength`` characters, none of them a control character.
        case name(Path<String>)
        /// What people read, if anything: 1 to ``Limits/noticeLength`` characters, none of them a control character.
        case note(Path<String?>)
        /// What people read, if anything: 1 to `most` characters, none of them a control character.
        case text(Path<String?>, most: Int)
        /// The same on several lines, so with line feeds.
        case lines(Path<String?>, most: Int)
        /// An address that a link can have: `http://` or `https://`, and then only characters that need no escape.
        case webAddress(Path<String?>)
        /// An address from which browsers load an image (``EventPresentation/ImageSource``).
        case image(Path<String?>)
        /// A name of the IANA time zone database (``EventPresentation/timeZones``).
        case timeZone(Path<String?>)
        /// Three capital letters.
        case currency(Path<String>)
        /// Whole seconds.
        case seconds(Path<Duration>, ClosedRange<Int>)
        case count(Path<Int>, ClosedRange<Int>)
        /// Minor units of a currency.
        case amount(Path<Int64>, ClosedRange<Int64>)
        /// 1 or more; `nil` is no bound.
        case bound(Path<Int?>)
        /// `nil` is no bound.
        case moment(Path<WallTime?>)
        /// One of several words.
        case words([String], get: @Sendable (Root) -> String, set: @Sendable (inout Root, String) -> Void)
        /// How buyers pay, if they do; an address has ``EventDefinition/Checkout/origin(of:)``.
        case checkout(Path<EventDefinition.Checkout?>)
        /// How buyers queue, if they do; checked with the rest of the definition.
        case queue(Path<QueueTerms?>)
        /// Codes of pools, as many as the range allows. Required.
        case pools(Path<[Code]>, ClosedRange<Int>)

        static func word<Word: RawRepresentable<String> & CaseIterable & Sendable>(_ path: Path<Word>) -> Value {
            .words(
                Word.allCases.map(\.rawValue), get: { $0[keyPath: path].rawValue },
                set: { root, text in
                    if let word = Word(rawValue: text) { root[keyPath: path] = word }
                })
        }
    }

    public let name: String
    /// The object inside the document that holds the member; `nil` for the document itself.
    public let group: String?
    public let value: Value
    /// For operators; the API's description shows it.
    public let meaning: String

    init(_ name: String, in group: String? = nil, _ value: Value, _ meaning: String) {
        self.name = name
        self.group = group
        self.value = value
        self.meaning = meaning
    }

    /// What is wrong with the member of `root`, whose document stands at `pointer`; `nil` if nothing is.
    func mistake(in root: Root, at pointer: String) -> Mistake? {
        let pointer = group.map { "\(pointer)/\($0)/\(name)" } ?? "\(pointer)/\(name)"
        switch value {
        case .code, .moment, .words, .queue: return nil
        case .name(let path):
            return Self.mistake(in: root[keyPath: path], upTo: Limits.nameLength, at: pointer)
        case .note(let path):
            return root[keyPath: path].flatMap { Self.mistake(in: $0, upTo: Limits.noticeLength, at: pointer) }
        case .text(let path, let most):
            return root[keyPath: path].flatMap { Self.mistake(in: $0, upTo: most, at: pointer) }
        case .lines(let path, let most):
            return root[keyPath: path].flatMap { Self.mistakeOfLines($0, upTo: most, at: pointer) }
        case .webAddress(let path):
            return root[keyPath: path].flatMap { Self.isWebAddress($0) ? nil : .webAddress(at: pointer) }
        case .image(let path):
            return root[keyPath: path].flatMap {
                EventPresentation.ImageSource($0) == nil ? .image(at: pointer) : nil
            }
        case .timeZone(let path):
            return root[keyPath: path].flatMap {
                EventPresentation.timeZones.contains($0) ? nil : .timeZone(at: pointer)
            }
        case .currency(let path):
            let letters = root[keyPath: path].utf8
            guard letters.count == 3, letters.allSatisfy({ (0x41...0x5a).contains($0) }) else {
                return .currency(at: pointer)
            }
        case .seconds(let path, let range):
            let (seconds, fraction) = root[keyPath: path].components
            guard fraction == 0, range.contains(Int(clamping: seconds)) else { return .outside(range, at: pointer) }
        case .count(let path, let range):
            guard range.contains(root[keyPath: path]) else { return .outside(range, at: pointer) }
        case .amount(let path, let range):
            guard range.contains(root[keyPath: path]) else {
                return .amount(range, at: pointer)
            }
        case .bound(let path):
            guard (root[keyPath: path] ?? 1) >= 1 else { return .bound(at: pointer) }
        case .checkout(let path):
            guard let address = root[keyPath: path]?.address else { return nil }
            guard EventDefinition.Checkout.origin(of: address) != nil else {
                return Mistake(pointer + "/url", Mistake.checkoutAddressForm)
            }
        case .pools(let path, let range):
            guard range.contains(root[keyPath: path].count) else {
                return .count(range, of: "pools", at: pointer)
            }
        }
        return nil
    }

    private static func mistake(in text: String, upTo most: Int, at pointer: String) -> Mistake? {
        let scalars = text.unicodeScalars
        guard (1...most).contains(scalars.count), !scalars.contains(where: \.isControl) else {
            return .text(most: most, at: pointer)
        }
        return nil
    }

    private static func mistakeOfLines(_ text: String, upTo most: Int, at pointer: String) -> Mistake? {
        let scalars = text.unicodeScalars
        guard (1...most).contains(scalars.count), !scalars.contains(where: { $0.isControl && $0 != "\n" }) else {
            return .lines(most: most, at: pointer)
        }
        return nil
    }

    private static func isWebAddress(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count <= Limits.webAddressLength,
            let scheme = ["http://", "https://"].first(where: { bytes.starts(with: $0.utf8) })
        else { return false }
        let rest = bytes.dropFirst(scheme.utf8.count)
        guard rest.first?.isLetterOrDigit == true else { return false }
        return rest.allSatisfy(\.isOfWebAddress)
    }
}

extension Unicode.Scalar {
    /// Whether it shows nothing and changes how others are shown: controls, breaks of lines and paragraphs, and marks of
    /// direction. A name with one would end or look otherwise in a list than it is.
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: (0x202a...0x202e).contains(value) || (0x2066...0x2069).contains(value)
        }
    }
}

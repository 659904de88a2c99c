public import BoxOffice
public import StrictJSON

// How the core's types are read from JSON and written to it.

extension JSONShape where Value == Code {
    /// The code of an event, a pool or a ticket type.
    public static var code: JSONShape<Code> {
        JSONShape<String>.string.converted(otherwise: "must be \(Code.form)") { Code($0) }
    }
}

extension JSONShape where Value == WallTime {
    /// A moment in RFC 3339.
    public static var moment: JSONShape<WallTime> {
        JSONShape<String>.string.converted(otherwise: "must be a moment as in 2026-11-24T05:44:59Z") {
            WallTime(rfc3339: $0)
        }
    }
}

extension JSONShape {
    /// A text that the caller chose: a buyer, a payment.
    public static func reference<Kind: ReferenceKind>(_ kind: Kind.Type) -> JSONShape where Value == Reference<Kind> {
        JSONShape<String>.string.converted(otherwise: Reference<Kind>.form) { Reference<Kind>($0) }
    }
}

extension Reference {
    /// What such a text must be, in words that follow its name.
    package static var form: String { "must have 1 to \(Kind.maximumLength) bytes and no control characters" }
}

extension JSONWriter {
    /// A member that is a moment in RFC 3339, or `null`.
    public mutating func member(_ name: String, _ moment: WallTime?) {
        member(name) { $0.value(rfc3339: moment?.milliseconds) }
    }
}

// The core and the reader of JSON know nothing of each other, so each has its own kind of mistake.

extension Mistake {
    /// A mistake that was found in a document.
    public init(_ mistake: JSONMistake) {
        self.init(mistake.pointer, mistake.what)
    }
}

extension JSONMistake {
    /// A mistake that the core found in what a document says.
    init(_ mistake: Mistake) {
        self.init(mistake.pointer, mistake.what)
    }
}

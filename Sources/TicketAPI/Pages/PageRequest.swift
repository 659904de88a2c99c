internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages

/// What a request says that a browser made for a person.
struct PageRequest: Sendable {
    let request: Request
    /// The variable segment of the path.
    let segment: String
    /// Members of the query, decoded; those that cannot be decoded are missing.
    let query: [String: String]

    init(_ request: Request, segment: String) {
        self.request = request
        self.segment = segment
        query = RequestQuery.members(in: request.uri.string).compactMapValues { $0 }
    }

    // MARK: Language

    /// The member of a query, and the cookie, that choose a language.
    static let languageMember = "lang"
    static let languageCookie = "holdfast_language"

    /// The language that the reader chose with this request.
    var chosenLanguage: Language? { query[Self.languageMember].flatMap(Language.init(rawValue:)) }

    var language: Language {
        chosenLanguage ?? cookie(Self.languageCookie).flatMap(Language.init(rawValue:))
            ?? Language(accepting: request.headers[.acceptLanguage])
    }

    // MARK: Who asks

    /// Whether a refusal should be a page. Browsers name HTML when they go to a page; programs do not.
    static func isWanted(by request: Request) -> Bool {
        accepts(request).contains { $0.hasPrefix("text/html") || $0.hasPrefix("application/xhtml+xml") }
    }

    /// Whether the client names nothing that excludes HTML.
    var mayBePage: Bool {
        let accepted = Self.accepts(request)
        return Self.isWanted(by: request) || accepted.contains { $0.hasPrefix("*/*") || $0.hasPrefix("text/*") }
    }

    private static func accepts(_ request: Request) -> [String] {
        (request.headers[.accept] ?? "").split(separator: ",").map { $0.filter { $0 != " " }.lowercased() }
    }

    /// Whether another site's page made the browser send the request. Browsers say so in `Sec-Fetch-Site` where the
    /// connection is secure, and in `Origin`; a program that sends neither acts for nobody else. Our own pages have a
    /// `Referrer-Policy` with which browsers name their origin, so `null` is another site that hides.
    ///
    /// - Parameter publicURL: the origin of our own pages, if it is known.
    func isForged(publicURL: String?) -> Bool {
        if let site = request.headers[.secFetchSite] { return site != "same-origin" && site != "none" }
        guard let origin = request.headers[.origin] else { return false }
        return origin == "null" || origin != publicURL && Self.authority(of: origin) != request.head.authority
    }

    /// Whether the browser was sent to an address of its own machine, by nobody else's page.
    var isLocal: Bool {
        guard let authority = request.head.authority, Self.isLoopback(authority) else { return false }
        guard let origin = request.headers[.origin] else { return true }
        return Self.authority(of: origin) == authority
    }

    private static func authority(of origin: String) -> String? {
        origin.split(separator: "/").last.map(String.init)
    }

    /// `localhost`, `[::1]` or `127.…` in digits, with or without a port. A name such as `127.example` may lead anywhere.
    private static func isLoopback(_ authority: String) -> Bool {
        let isSixth = authority.hasPrefix("[::1]")
        let host = isSixth ? "[::1]" : String(authority.prefix { $0 != ":" })
        let port = authority.dropFirst(host.count)
        guard port.isEmpty || (port.first == ":" && UInt16(port.dropFirst()) != nil) else { return false }
        if isSixth || host == "localhost" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    // MARK: Cookies

    /// The value of a cookie; of several with one name, the first, which has the longest path (RFC 6265, 5.4).
    func cookie(_ name: String) -> String? {
        for header in request.headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let pair = pair.drop { $0 == " " }
                guard let equals = pair.firstIndex(of: "="), pair[..<equals] == name else { continue }
                return String(pair[pair.index(after: equals)...])
            }
        }
        return nil
    }
}

/// The fields of a form (`application/x-www-form-urlencoded`).
struct PageForm: Sendable {
    /// More than any page has: a field for each type of an event (``Limits/typesPerEvent``), and a few.
    static let mostFields = 1_100

    private var fields: [String: String] = [:]

    /// - Throws: a refusal if it is no form, or has a field twice or too many.
    init(_ body: ByteBuffer, _ contentType: String?) throws(Refused) {
        guard contentType?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
            throw Refused(.unsupportedMediaType)
        }
        for (index, pair) in body.readableBytesView.split(separator: UInt8(ascii: "&")).enumerated() {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            guard index < Self.mostFields, let decoded = RequestTarget.decoded(name),
                let value = RequestTarget.decoded(pair.dropFirst(name.count).dropFirst()),
                fields.updateValue(value, forKey: decoded) == nil
            else { throw Refused(.malformedRequest, "The form cannot be read.") }
        }
    }

    /// No fields.
    init() {}

    subscript(_ name: String) -> String? { fields[name] }

    /// The fields whose names begin with `prefix`, by the rest of the name.
    func fields(behind prefix: String) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: fields.filter { $0.key.hasPrefix(prefix) }.map {
                (String($0.key.dropFirst(prefix.count)), $0.value)
            })
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name.ours("Sec-Fetch-Site")
}

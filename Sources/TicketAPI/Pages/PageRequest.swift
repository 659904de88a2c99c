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

    /// The address that leads here again: the path and the query, without what belongs to one answer alone.
    var address: String {
        let path = request.uri.path
        let members = request.uri.string.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let kept = members.split(separator: "&").filter { member in
            !["done", "live", Self.languageMember].contains { member == $0 || member.hasPrefix("\($0)=") }
        }
        return kept.isEmpty ? path : path + "?" + kept.joined(separator: "&")
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

    /// Who made the browser send the request.
    private var sender: FormSender {
        FormSender(
            site: request.headers[.secFetchSite], origin: request.headers[.origin], authority: request.head.authority)
    }

    /// Whether another site's page made the browser send the request.
    ///
    /// - Parameter publicURL: the origin of our own pages, if it is known.
    func isForged(publicURL: String?) -> Bool { sender.isForged(publicURL: publicURL) }

    /// Whether the browser shows the answer in a frame.
    var isFramed: Bool { request.headers[.secFetchDest] == "iframe" }

    /// Whether the browser was sent to an address of its own machine, by nobody else's page.
    var isLocal: Bool {
        guard let authority = request.head.authority, Self.isLoopback(authority) else { return false }
        return sender.isOfSameAuthority
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
    /// More than any page has: four fields for each type of a new event (``Limits/typesPerEvent``), and a few.
    static let mostFields = 4_200

    private var fields: [String: String] = [:]

    /// - Throws: a refusal if it is not a form, or has a field twice or too many.
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
    static let secFetchDest = HTTPField.Name.ours("Sec-Fetch-Dest")
    static let secFetchSite = HTTPField.Name.ours("Sec-Fetch-Site")
}

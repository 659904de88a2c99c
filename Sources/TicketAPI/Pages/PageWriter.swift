internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import TicketStore

/// Writes answers for people: pages, and ways to other pages.
struct PageWriter: Sendable {
    /// The origin at which browsers reach the service; `nil` if it is not known. Links to keep and `Secure` come from it, and
    /// never from what a client says in `Host`.
    let publicURL: String?
    let theme: PageTheme
    /// Origins whose pages may show buyers' pages in a frame.
    let embedOrigins: [String]
    let images: ImageFolder?

    init(_ configuration: ServiceConfiguration) {
        publicURL = configuration.publicURL
        theme = configuration.theme
        embedOrigins = configuration.embedOrigins
        images = configuration.images
    }

    /// Whether browsers reach the service by TLS only.
    var isSecure: Bool { publicURL?.hasPrefix("https://") == true }

    /// Seconds for which a browser remembers the language that its reader chose: a year.
    private static let languageLife = 31_536_000

    /// Where forms may lead that lead to a shop's page: browsers compare each address on the way with what the page allows,
    /// and shops send buyers on to pages of banks and others. On the machine itself these have ports of their own.
    static func sources(ofFormsTo origin: String?) -> [String] {
        guard let origin, origin.hasPrefix("http://") else { return ["https:"] }
        let name = origin.dropFirst(7).prefix { $0 != ":" }
        return ["https:", name.first == "[" ? origin : "http://\(name):*"]
    }

    /// What pages may load and where their forms may lead.
    ///
    /// - Parameters:
    ///   - forms: origins besides our own that a form may lead to.
    ///   - frames: origins whose pages may show the page in a frame.
    ///   - image: the address of the only image that it may load from elsewhere.
    static func policy(forms: [String] = [], frames: [String] = [], image: String? = nil) -> String {
        let targets = ["'self'"] + forms
        let ancestors = frames.isEmpty ? "'none'" : frames.joined(separator: " ")
        // Both marks would end the address; browsers compare it without escapes.
        let images = image.map { address in
            " " + address.map { $0 == ";" ? "%3B" : $0 == "," ? "%2C" : String($0) }.joined()
        }
        return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            + "img-src 'self'\(images ?? ""); base-uri 'none'; form-action \(targets.joined(separator: " ")); frame-ancestors \(ancestors)"
    }

    /// A page.
    ///
    /// - Parameters:
    ///   - home: the path that shows this page, for the links to other languages; by default the address of the request.
    ///   - forms: origins besides our own that its forms may lead to.
    ///   - image: the address of an image elsewhere that it shows.
    func page(
        _ template: String, _ values: PageObject, for page: PageRequest, status: HTTPResponse.Status = .ok,
        home: String? = nil, forms: [String] = [], image: String? = nil, layout: String = "layout"
    ) -> Response {
        let (headers, bytes) = content(
            template, values, for: page, home: home, forms: forms, image: image, layout: layout)
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private func content(
        _ template: String, _ values: PageObject, for page: PageRequest, home: String?, forms: [String] = [],
        image: String? = nil, layout: String
    ) -> (HTTPFields, [UInt8]) {
        let language = page.language
        var values = values
        let address = home ?? page.address
        let link = address + (address.contains("?") ? "&" : "?") + PageRequest.languageMember
        // Nobody else's page shows an operator's.
        let frames = layout == "layout" ? embedOrigins : []
        values["embedded"] = .flag(isEmbedded(page))
        values["languages"] = .list(
            Language.allCases.filter { $0 != language }.map {
                [
                    "href": .text("\(link)=\($0.code)"), "code": .text($0.code),
                    "name": .text(Pages.text("language", in: $0)),
                ]
            })
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .contentLanguage: language.code, .cacheControl: "no-store",
            .vary: "Accept-Language, Cookie",
            .contentSecurityPolicy: Self.policy(forms: forms, frames: frames, image: image),
            // With "no-referrer" browsers would say `Origin: null` with our own forms.
            .xContentTypeOptions: "nosniff", .referrerPolicy: "same-origin",
        ]
        if let chosen = page.chosenLanguage {
            headers.append(
                HTTPField(
                    name: .setCookie,
                    value: "\(PageRequest.languageCookie)=\(chosen.code); Path=/; Max-Age=\(Self.languageLife); "
                        + "HttpOnly; " + sites(for: page)))
        }
        return (headers, Pages.page(template, values, in: language, layout: layout, theme: theme))
    }

    /// Whether the page is shown in a frame of a page that may embed it. Browsers say so where they keep secure cookies: by
    /// TLS, and on the machine itself.
    func isEmbedded(_ page: PageRequest) -> Bool {
        !embedOrigins.isEmpty && page.isFramed && (isSecure || page.isLocal)
    }

    /// The attributes that say with which sites' requests a browser sends a cookie. Within an embedding the site is another
    /// one, so the cookie is for this embedding alone: `Partitioned` (CHIPS).
    func sites(for page: PageRequest) -> String {
        if isEmbedded(page) { return "SameSite=None; Secure; Partitioned" }
        return "SameSite=Lax" + (isSecure ? "; Secure" : "")
    }

    /// Sends the browser to another page with GET.
    func redirect(to path: String, cookies: [String] = []) -> Response {
        var headers: HTTPFields = [.location: path, .cacheControl: "no-store", .referrerPolicy: "same-origin"]
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    /// A refusal in words, with a way on.
    func refused(_ refused: Refused, for page: PageRequest) -> Response {
        let (headers, bytes) = refusal(refused, for: page)
        return Response(
            status: .init(code: refused.problem.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// The headers and the HTML of a refusal.
    func refusal(_ refused: Refused, for page: PageRequest) -> (headers: HTTPFields, html: [UInt8]) {
        let language = page.language
        let path = page.request.uri.path
        let isOperators = path == OperatePages.home || path.hasPrefix(OperatePages.home + "/")
        let key = Self.wordingKey(refused.problem, isOperators: isOperators)
        let home = isOperators ? OperatePages.home : "/"
        var values: PageObject = [
            "heading": .text(Pages.text(key, in: language)),
            "explanation": .text(Pages.text(key + ".text", in: language)), "back": .text(home),
            "back_label": .text(Pages.text(isOperators ? "operate.page.back" : "back.events", in: language)),
            "private": true,
        ]
        if isOperators {
            values.merge(OperatePages.files) { $1 }
            values["signed_in"] = .flag(page.cookie(OperatorSessions.cookie) != nil)
        }
        var (headers, html) = content(
            "refused", values, for: page, home: home, layout: isOperators ? "operate-layout" : "layout")
        for field in refused.headers { headers[field.name] = field.value }
        if let seconds = refused.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        return (headers, html)
    }

    private static func wordingKey(_ problem: Problem, isOperators: Bool) -> String {
        // What buyers read about holds and sales says nothing to operators.
        let keys = (isOperators ? ["operate.page.\(problem.code)"] : []) + ["refused.\(problem.code)"]
        if let key = keys.first(where: { Pages.wording(.english).texts[$0] != nil }) { return key }
        return (isOperators ? "operate.page." : "refused.") + (problem.isRetryable ? "later" : "other")
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name.ours("Referrer-Policy")
}

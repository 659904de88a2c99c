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

    /// Whether browsers reach the service by TLS only.
    var isSecure: Bool { publicURL?.hasPrefix("https://") == true }

    /// Seconds for which a browser remembers the language that its reader chose: a year.
    private static let languageLife = 31_536_000

    /// What pages may load and where their forms may lead.
    ///
    /// - Parameter forms: origins besides our own that a form may lead to.
    static func policy(forms: [String] = []) -> String {
        let targets = ["'self'"] + forms
        return "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
            + "base-uri 'none'; form-action \(targets.joined(separator: " ")); frame-ancestors 'none'"
    }

    /// A page.
    ///
    /// - Parameters:
    ///   - home: the path that shows this page, for the links to other languages; by default that of the request.
    ///   - forms: origins besides our own that its forms may lead to.
    func page(
        _ template: String, _ values: PageObject, for page: PageRequest, status: HTTPResponse.Status = .ok,
        home: String? = nil, forms: [String] = [], layout: String = "layout"
    ) -> Response {
        let language = page.language
        var values = values
        let path = home ?? page.request.uri.path
        values["languages"] = .list(
            Language.allCases.filter { $0 != language }.map {
                [
                    "href": .text("\(path)?\(PageRequest.languageMember)=\($0.code)"), "code": .text($0.code),
                    "name": .text(Pages.text("language", in: $0)),
                ]
            })
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .contentLanguage: language.code, .cacheControl: "no-store",
            .vary: "Accept-Language, Cookie", .contentSecurityPolicy: Self.policy(forms: forms),
            // With "no-referrer" browsers would say `Origin: null` with our own forms.
            .xContentTypeOptions: "nosniff", .referrerPolicy: "same-origin",
        ]
        if let chosen = page.chosenLanguage {
            headers.append(
                HTTPField(
                    name: .setCookie,
                    value: "\(PageRequest.languageCookie)=\(chosen.code); Path=/; Max-Age=\(Self.languageLife); "
                        + "HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")))
        }
        let bytes = Pages.page(template, values, in: language, layout: layout)
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Sends the browser to another page with GET.
    func redirect(to path: String, cookies: [String] = []) -> Response {
        var headers: HTTPFields = [.location: path, .cacheControl: "no-store", .referrerPolicy: "same-origin"]
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    /// A refusal in words, with a way on.
    func refused(_ refused: Refused, for page: PageRequest) -> Response {
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
        if isOperators { values.merge(OperatePages.files) { $1 } }
        var response = self.page(
            "refused", values, for: page, status: .init(code: refused.problem.status), home: home,
            layout: isOperators ? "operate-layout" : "layout")
        for field in refused.headers { response.headers[field.name] = field.value }
        if let seconds = refused.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
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

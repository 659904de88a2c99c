internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Pages
internal import StrictJSON
internal import TicketStore

/// An operator who is signed in, and what they ask for.
struct OperatorVisit: Sendable {
    let page: PageRequest
    let session: SessionTable.Session
    /// Looked up for this request.
    let key: OperatorKey

    var language: Language { page.language }

    func text(_ key: String, _ values: PageObject = [:]) -> PageValue {
        .text(Pages.text("operate.\(key)", values, in: language))
    }

    /// The reader's word for a state or a reason; the word of the API where the texts have none.
    func word(_ group: String, _ word: String) -> PageValue {
        .text(Pages.wording(language).texts["operate.\(group).\(word)"] ?? word)
    }
}

/// The pages for operators: signing in, and what every other page of theirs shares (R54 Sign-in).
struct OperatePages: Sendable {
    typealias Show = @Sendable (OperatorVisit) async throws -> Response
    typealias Change = @Sendable (OperatorVisit, PageForm) async throws -> Response

    static let home = "/operate"
    private static let signInPath = "/operate/sign-in"

    let sessions: OperatorSessions
    let calls: APICalls
    let reader: RequestReader
    let keys: KnownKeys
    let writer: PageWriter
    let queues: QueueDirectory

    var store: any TicketStore { reader.store }

    /// The events that there are for a key, in the order in which they were defined first.
    func events(of key: OperatorKey) -> [EventReading] {
        store.events.filter { key.works(for: $0.definition.id) }
    }

    var routes: [Route] {
        [
            Route.page(Self.signInPath, query: ["to", "out"], (.get, signInPage), (.post, signIn)),
            Route.page("/operate/sign-out", (.post, signOut)),
        ]
    }

    /// A page that only somebody who is signed in sees.
    func page(_ path: String, query: Set<String> = [], _ show: @escaping Show) -> Route {
        Route.page(path, query: query.union(["done"]), (.get, signedIn(show)))
    }

    /// A page with forms that change something.
    func page(
        _ path: String, query: Set<String> = [], _ show: @escaping Show, _ change: @escaping Change
    ) -> Route {
        Route.page(path, query: query.union(["done"]), (.get, signedIn(show)), (.post, sent(change)))
    }

    // MARK: Who asks

    private func signedIn(_ show: @escaping Show) -> @Sendable (PageRequest) async throws -> Response {
        { page in
            guard let visit = try await visit(page) else { return toSignIn(page) }
            return try await show(visit)
        }
    }

    /// A form counts if it comes from a page of ours (R54 Sign-in): its browser says so, and it has the text that only this
    /// session's pages have.
    private func sent(_ change: @escaping Change) -> @Sendable (PageRequest) async throws -> Response {
        { page in
            guard !page.isForged(publicURL: writer.publicURL) else { throw Refused(.forbidden) }
            guard let visit = try await visit(page) else { return toSignIn(page) }
            let form = try await form(page)
            guard let sent = form["form"], sent == visit.session.formToken else { throw Refused(.forbidden) }
            return try await change(visit, form)
        }
    }

    private func form(_ page: PageRequest) async throws -> PageForm {
        try PageForm(await reader.collect(page.request), page.request.headers[.contentType])
    }

    /// `nil` if nobody is signed in, or the key works no longer.
    private func visit(_ page: PageRequest) async throws -> OperatorVisit? {
        guard let session = sessions.session(of: page),
            let key = try await keys.lookedUp(session.credential), Self.mayEnter(key)
        else { return nil }
        return OperatorVisit(page: page, session: session, key: key)
    }

    private static func mayEnter(_ key: OperatorKey) -> Bool {
        key.may(.readLists)
    }

    private func toSignIn(_ page: PageRequest) -> Response {
        let out = page.cookie(OperatorSessions.cookie) == nil ? "" : "&out=1"
        return writer.redirect(to: "\(Self.signInPath)?to=\(page.address.percentEncoded)\(out)")
    }

    // MARK: Signing in and out

    @Sendable private func signInPage(_ page: PageRequest) -> Response {
        showSignIn(page, to: page.query["to"], wrong: page.query["out"] == nil ? nil : "out")
    }

    private func showSignIn(
        _ page: PageRequest, to target: String?, wrong: String?, status: HTTPResponse.Status = .ok
    ) -> Response {
        var values: PageObject = ["to": .text(Self.target(target)), "private": true]
        if let wrong { values["wrong"] = .text(Pages.text("operate.sign_in.\(wrong)", in: page.language)) }
        return show("operate-sign-in", values, for: page, status: status, home: Self.signInPath)
    }

    /// Where to go after signing in: a page of ours, whatever the link said.
    private static func target(_ text: String?) -> String {
        guard let text, text == home || ["/", "?"].contains(where: { text.hasPrefix(home + $0) }),
            !text.hasPrefix(signInPath),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") })
        else { return home }
        return text
    }

    @Sendable private func signIn(_ page: PageRequest) async throws -> Response {
        guard !page.isForged(publicURL: writer.publicURL) else { throw Refused(.forbidden) }
        let form = try await form(page)
        let credential = String((form["key"] ?? "").filter { !$0.isWhitespace })
        guard let key = try await keys.lookedUp(credential) else {
            return showSignIn(page, to: form["to"], wrong: "unknown", status: .unauthorized)
        }
        guard Self.mayEnter(key) else {
            return showSignIn(page, to: form["to"], wrong: "shop", status: .forbidden)
        }
        // The browser's cookie is about to be another one: nobody could end the old session any more.
        sessions.end(page)
        let cookie = sessions.begin(key, credential, isSecure: writer.isSecure || page.isSecure)
        return writer.redirect(to: Self.target(form["to"]), cookies: [cookie])
    }

    /// Takes no form token: to be signed out by somebody else does no harm, and a page that knows of no session has the button,
    /// too.
    @Sendable private func signOut(_ page: PageRequest) async throws -> Response {
        guard !page.isForged(publicURL: writer.publicURL) else { throw Refused(.forbidden) }
        let form = try await form(page)
        let cookie = sessions.end(
            page, everywhere: form["everywhere"] != nil, isSecure: writer.isSecure || page.isSecure)
        return writer.redirect(to: Self.signInPath, cookies: [cookie])
    }

    // MARK: What pages show

    /// What the layout of the operators' pages loads.
    static let files: PageObject = [
        "operate_css": .text(Pages.path(of: "operate.css")), "operate_js": .text(Pages.path(of: "operate.js")),
    ]

    private func show(
        _ template: String, _ values: PageObject, for page: PageRequest, status: HTTPResponse.Status = .ok,
        home: String? = nil
    ) -> Response {
        let values = values.merging(Self.files) { $1 }
        return writer.page(template, values, for: page, status: status, home: home, layout: "operate-layout")
    }

    /// A page for somebody who is signed in.
    func show(
        _ template: String, _ values: PageObject, for visit: OperatorVisit, status: HTTPResponse.Status = .ok
    ) -> Response {
        var values = values
        values["signed_in"] = true
        values["who"] = .text(visit.key.name)
        values["role"] = visit.word("role", visit.key.role.rawValue)
        values["form"] = .text(visit.session.formToken)
        values["may_change"] = .flag(visit.key.may(.changeEvents))
        values["may_manage_keys"] = .flag(visit.key.may(.manageKeys))
        values["here"] = .text(visit.page.request.uri.path)
        if let done = visit.page.query["done"], values["problem"] == nil {
            let key = "operate.done.\(done)"
            values["done"] = PageValue(Pages.wording(visit.language).texts[key])
        }
        return show(template, values, for: visit.page, status: status)
    }

    /// After a change: the page again, so that reloading it changes nothing.
    func done(_ what: String, at path: String) -> Response {
        writer.redirect(to: path + (path.contains("?") ? "&" : "?") + "done=\(what)")
    }

    /// What a call of the API was refused for, as a template shows it.
    ///
    /// - Parameter form: the form that made the call.
    func problem(
        _ answer: APICalls.Answer, of form: EventForm = EventForm(fields: []), for visit: OperatorVisit
    ) -> PageObject {
        if !answer.mistakes.isEmpty { return form.problem(answer.mistakes, for: visit) }
        let code = answer.body["code"]?.text ?? ""
        let texts = Pages.wording(visit.language).texts
        let title = texts["operate.refused.\(code)"]
        // What no form of ours gets is in the words of the API, which are English.
        let isEnglish = visit.language == .english
        return [
            "title": title.map { .text($0) }
                ?? (isEnglish ? PageValue(answer.body["title"]?.text) : visit.text("page.other")),
            "detail": PageValue(title == nil && isEnglish ? answer.body["detail"]?.text : nil),
        ]
    }

    /// Throws the refusal of a call that only shows something.
    func good(_ answer: APICalls.Answer) throws -> JSONValue {
        guard answer.isGood else {
            let code = answer.body["code"]?.text
            let problem = Problem.allCases.first { $0.code == code } ?? .internalError
            throw Refused(problem, answer.body["detail"]?.text)
        }
        return answer.body
    }
}

internal import APIDocs
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// What the service says about itself: the OpenAPI document, the page that shows it, and the pages of problems.
struct DocumentRoutes: Sendable {
    /// The paths, for the 405 that the router does not know.
    static let paths = [
        "/openapi.json": "GET, HEAD", "/docs": "GET, HEAD", "/docs/docs.js": "GET, HEAD",
        "/docs/docs.css": "GET, HEAD", "/problems": "GET, HEAD", "/problems/:code": "GET, HEAD",
    ]

    /// Nothing but what comes from here is loaded, asked or run, and nobody frames the page.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    func add(to router: Router<BasicRequestContext>) {
        let pages: [(RouterPath, StaticPage)] = [
            ("/openapi.json", APIDocs.openAPI), ("/docs", APIDocs.docs), ("/docs/docs.js", APIDocs.script),
            ("/docs/docs.css", APIDocs.style), ("/problems", APIDocs.problems),
        ]
        for (path, page) in pages {
            router.get(path) { request, _ in answer(page, to: request) }
        }
        router.get("/problems/:code") { request, context in
            guard let page = context.parameters.get("code").flatMap(APIDocs.problem) else {
                throw Refused(.notFound, "There is no such problem; /problems lists them.")
            }
            return answer(page, to: request)
        }
    }

    private func answer(_ page: StaticPage, to request: Request) -> Response {
        // A new version of the service is seen within five minutes, and asking again costs nothing but the question.
        var headers: HTTPFields = [
            .eTag: page.tag, .cacheControl: "public, max-age=300", .contentSecurityPolicy: Self.policy,
            .xContentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
        ]
        if EntityTags(request.headers[.ifNoneMatch]).contain(page.tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = page.mediaType
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: page.bytes)))
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = HTTPField.Name.ours("Referrer-Policy")
}

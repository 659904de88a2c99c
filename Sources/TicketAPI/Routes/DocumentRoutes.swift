internal import HTTPTypes
internal import Handbook
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// What the service says about itself: the OpenAPI document, the page that shows it, and the pages of problems.
struct DocumentRoutes: Sendable {
    /// The paths, for the 405 that the router does not know.
    static let paths = [
        "/openapi.json": "GET, HEAD", "/docs": "GET, HEAD", "/docs/handbook.js": "GET, HEAD",
        "/docs/handbook.css": "GET, HEAD", "/problems": "GET, HEAD", "/problems/:code": "GET, HEAD",
    ]

    /// Nothing but what comes from here is loaded, asked or run, and nobody frames the page.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    func add(to router: Router<BasicRequestContext>) {
        let leaves: [(RouterPath, Leaf)] = [
            ("/openapi.json", Handbook.openAPI), ("/docs", Handbook.docs), ("/docs/handbook.js", Handbook.script),
            ("/docs/handbook.css", Handbook.style), ("/problems", Handbook.problems),
        ]
        for (path, leaf) in leaves {
            router.get(path) { request, _ in answer(leaf, to: request) }
        }
        router.get("/problems/:code") { request, context in
            guard let leaf = context.parameters.get("code").flatMap(Handbook.problem) else {
                throw Refused(.notFound, "There is no such problem; /problems lists them.")
            }
            return answer(leaf, to: request)
        }
    }

    private func answer(_ leaf: Leaf, to request: Request) -> Response {
        // A new version of the service is seen within five minutes, and asking again costs nothing but the question.
        var headers: HTTPFields = [
            .eTag: leaf.tag, .cacheControl: "public, max-age=300", .contentSecurityPolicy: Self.policy,
            .xContentTypeOptions: "nosniff", .referrerPolicy: "no-referrer",
        ]
        if EntityTags(request.headers[.ifNoneMatch]).contain(leaf.tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = leaf.mediaType
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: leaf.bytes)))
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy = HTTPField.Name.ours("Referrer-Policy")
}

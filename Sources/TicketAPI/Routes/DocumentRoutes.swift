internal import APIDocs
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// What the service says about itself: the OpenAPI document, the page that shows it, and the pages of problems.
struct DocumentRoutes: Sendable {
    /// The page loads, asks and runs only what comes from here, and cannot be framed.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """

    /// Browsers ask with whatever they like behind the path.
    var routes: [Route] {
        let pages = [
            ("/openapi.json", APIDocs.openAPI), ("/docs", APIDocs.docs), ("/docs/docs.js", APIDocs.script),
            ("/docs/docs.css", APIDocs.style), ("/problems", APIDocs.problems),
        ]
        return pages.map { path, page in Route(path, query: nil, (.get, .anyone { answer(page, to: $0.request) })) }
            + [Route("/problems/:code", query: nil, (.get, .anyone(problem)))]
    }

    @Sendable private func problem(_ call: RouteRequest) throws -> Response {
        guard let page = APIDocs.problem(call.segment) else {
            throw Refused(.notFound, "There is no such problem; /problems lists them.")
        }
        return answer(page, to: call.request)
    }

    private func answer(_ page: StaticPage, to request: Request) -> Response {
        // Browsers see a new version of the service within five minutes; an unchanged page costs one question.
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

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

extension ExportForm {
    /// The answer that downloads a list, a page at a time: each page is read when the client has read the one before.
    ///
    /// The caller reads the first page before the answer begins, so that a store that cannot be asked leads to a problem and
    /// not to a list that breaks off.
    ///
    /// - Parameters:
    ///   - file: the name of the file, without its suffix.
    ///   - write: appends a page to the text.
    ///   - next: reads the page behind this one; `nil` at the end.
    func download<Page: Sendable>(
        _ file: String, head: [UInt8], from first: Page, write: @escaping @Sendable (Page, inout [UInt8]) -> Void,
        next: @escaping @Sendable (Page) async throws -> Page?
    ) -> Response {
        let headers: HTTPFields = [
            .contentType: mediaType, .cacheControl: "no-store",
            .contentDisposition: "attachment; filename=\"\(file).\(suffix)\"",
        ]
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                var text = head
                var page = Page?.some(first)
                while let shown = page {
                    write(shown, &text)
                    if !text.isEmpty { try await writer.write(ByteBuffer(bytes: text)) }
                    text.removeAll(keepingCapacity: true)
                    page = try await next(shown)
                }
                try await writer.finish(nil)
            })
    }
}

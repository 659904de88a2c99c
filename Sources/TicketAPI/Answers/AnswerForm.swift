internal import NIOHTTP1

/// How the answer to a request is sent.
struct AnswerForm: Hashable {
    /// How the connection goes on after an answer.
    enum After: Hashable {
        /// HTTP/1.1 and no `Connection: close`.
        case keepAlive
        /// HTTP/1.0, whose answers have to say that the connection stays open.
        case keepAliveSaid
        case close
    }

    var after = After.keepAlive
    /// The request was HEAD: the answer has the length of the body and not the body.
    var isHead = false
    /// What pages on other origins may do with the answer.
    var sharing = SharedOrigins.Standing.off

    /// The form of an answer with which the connection ends, whatever its request was.
    static let last = AnswerForm(after: .close)

    private init(after: After) {
        self.after = after
    }

    /// - Parameter endsConnection: nothing can follow the request on its connection, whatever its client wants.
    init(_ head: HTTPRequestHead, endsConnection: Bool) {
        after = !head.isKeepAlive || endsConnection ? .close : head.version == .http1_1 ? .keepAlive : .keepAliveSaid
        isHead = head.method == .HEAD
    }
}

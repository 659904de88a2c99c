internal import NIOCore
internal import NIOHTTP1

// What observers of requests hear (R58 Access log, R59 Traces).

extension FastPathHandler {
    /// Notes who sent a request, and to which trace it belongs, where that does not follow from the connection.
    func mark(_ request: inout CallRequest, _ fields: BuyerFields, _ sender: RequestSender) {
        guard loop.recorder != nil else { return }
        let trace = fields.traceparent.flatMap(TraceParent.init)
        if trace != nil || origin.isTrusted { request.mark = RequestMark(trace, sender.address) }
    }

    /// Writes an answer of the fast path.
    func write(
        _ content: AnswerContent, to request: CallRequest, waited: Int64, into buffer: inout ByteBuffer
    ) {
        let start = buffer.writerIndex
        loop.answers.write(content, to: request, waited: waited, into: &buffer)
        loop.recorder?.note(request, buffer, from: start, waited: waited, on: origin.sender)
    }

    /// Writes the last answer on the connection: its request could not be read, or not be accepted.
    func write(_ refused: Refused, of head: HTTPRequestHead?, into buffer: inout ByteBuffer) {
        loop.answers.write(refused, of: head, to: &buffer)
        loop.recorder?.note(refused, on: origin.sender)
    }

    /// The router has written its answer.
    func noteRouted(status: Int, bytes: Int) {
        guard let recorder = loop.recorder, let request = routed?.request else { return }
        recorder.note(request, status: status, bytes: bytes, took: .now() - request.began)
    }
}

/// What the access log and traces say of a request that does not follow from its connection.
final class RequestMark {
    /// `nil` where its caller named none.
    let trace: TraceParent?
    /// Who sent it; `nil` on a unix socket.
    let address: InternetAddress?

    init(_ trace: TraceParent?, _ address: InternetAddress?) {
        self.trace = trace
        self.address = address
    }
}

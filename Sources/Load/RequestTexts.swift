internal import NIOCore

/// The bytes of a run's requests: made once, except for what differs from hold to hold.
struct RequestTexts {
    private let host: [UInt8]
    /// The whole request.
    private let look: [UInt8]
    private let buy: [UInt8]
    /// v1's hold up to the idempotency key.
    private let hold: [UInt8]
    /// The body of v1's hold up to the buyer.
    private let lines: [UInt8]

    init(_ plan: LoadPlan, target: LoadTarget) {
        host = Array(" HTTP/1.1\r\nHost: \(target.authority)\r\n".utf8)
        let host = String(decoding: host, as: UTF8.self)
        look = Array("GET \(target.looksAt)\(host)\r\n".utf8)
        buy = Array("POST /buy_ticket/\(plan.type)\(host)Content-Length: 0\r\n\r\n".utf8)
        hold = Array(
            "POST /v1/events/\(plan.event)/holds\(host)Content-Type: application/json\r\nIdempotency-Key: ".utf8)
        lines = Array(#"{"lines":[{"type":"\#(plan.type)","quantity":1}],"buyer":""#.utf8)
    }

    func writeLook(to buffer: inout ByteBuffer) {
        buffer.writeBytes(look)
    }

    func writeBuy(to buffer: inout ByteBuffer) {
        buffer.writeBytes(buy)
    }

    /// A hold in v1. The idempotency key is the buyer, too.
    func writeHold(key: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeBytes(hold)
        buffer.writeBytes(key)
        writeLength(lines.count + key.count + 2, to: &buffer)
        buffer.writeBytes(lines)
        buffer.writeBytes(key)
        buffer.writeStaticString("\"}")
    }

    func writeComplete(token: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeStaticString("POST /complete_purchase/")
        buffer.writeBytes(token)
        buffer.writeBytes(host)
        buffer.writeStaticString("Content-Length: 0\r\n\r\n")
    }

    /// - Parameter reference: the payment reference; its characters need no escape.
    func writePurchase(id: [UInt8], token: [UInt8], reference: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeStaticString("POST /v1/holds/")
        buffer.writeBytes(id)
        buffer.writeStaticString("/purchase")
        writeBearer(token, to: &buffer)
        buffer.writeStaticString("\r\nContent-Type: application/json")
        let opening: StaticString = #"{"payment_reference":""#
        writeLength(opening.utf8CodeUnitCount + reference.count + 2, to: &buffer)
        buffer.writeStaticString(opening)
        buffer.writeBytes(reference)
        buffer.writeStaticString("\"}")
    }

    func writeRelease(id: [UInt8], token: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeStaticString("DELETE /v1/holds/")
        buffer.writeBytes(id)
        writeBearer(token, to: &buffer)
        writeLength(0, to: &buffer)
    }

    private func writeBearer(_ token: [UInt8], to buffer: inout ByteBuffer) {
        buffer.writeBytes(host)
        buffer.writeStaticString("Authorization: Bearer ")
        buffer.writeBytes(token)
    }

    /// Writes the length of the body and the end of the head.
    private func writeLength(_ length: Int, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\nContent-Length: ")
        buffer.writeString(String(length))
        buffer.writeStaticString("\r\n\r\n")
    }
}

internal import NIOCore

extension ByteBuffer {
    /// Whether a piece in which a request ended ends with that request, so that no other one has begun behind it.
    ///
    /// The decoder does not say how far it has read. But every request ends with an empty line, or with a body of a
    /// known length behind one, and half a head does not. A client could write a body that looks like that; all that
    /// it gains is that the head behind it is idle and not late.
    ///
    /// - Parameter body: bytes of the request's body in this piece.
    func endsWithRequest(body: Int) -> Bool {
        var end = readableBytes
        while true {
            if endsWithEmptyLine(before: end) || endsWithEmptyLine(before: end - body) { return true }
            // Some clients send an empty line behind a body.
            guard end > readableBytes - 2, byte(end - 1) == lineFeed || byte(end - 1) == carriageReturn else {
                return false
            }
            end -= 1
        }
    }

    /// The beginning of the piece counts as what is not known to be otherwise.
    private func endsWithEmptyLine(before end: Int) -> Bool {
        guard end > 0 else { return end == 0 }
        guard byte(end - 1) == lineFeed else { return false }
        let line = byte(end - 2) == carriageReturn ? end - 3 : end - 2
        return line < 0 || byte(line) == lineFeed
    }

    private func byte(_ offset: Int) -> UInt8? {
        offset < 0 ? nil : getInteger(at: readerIndex + offset)
    }
}

private let carriageReturn = UInt8(ascii: "\r")
private let lineFeed = UInt8(ascii: "\n")

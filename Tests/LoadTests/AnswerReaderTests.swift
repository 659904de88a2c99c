import Load
import NIOCore
import Testing

@Suite("Answers are read in whatever pieces they come")
struct AnswerReaderTests {
    private struct Heard: Equatable, CustomTestStringConvertible {
        var status: Int
        var isKept: Bool
        var body: String

        var testDescription: String { "\(status) \(isKept ? "kept" : "closed") \(body)" }
    }

    /// What is read of `text` if it comes in pieces of `size`, and whether it was understood.
    private func read(_ text: String, inPiecesOf size: Int, ends: Bool = true) -> (heard: [Heard], isUnderstood: Bool) {
        var reader = AnswerReader()
        var heard: [Heard] = []
        func note(_ answer: AnswerReader.Answer) {
            heard.append(
                Heard(status: answer.status, isKept: answer.isKept, body: String(buffer: answer.body)))
        }
        var rest = Array(text.utf8)[...]
        do throws(AnswerReader.Mistake) {
            while !rest.isEmpty {
                reader.add(ByteBuffer(bytes: rest.prefix(size)))
                rest = rest.dropFirst(size)
                while let answer = try reader.next() { note(answer) }
            }
        } catch {
            return (heard, false)
        }
        if ends, let last = reader.end() { note(last) }
        return (heard, true)
    }

    private static let answers: [(text: String, heard: [(Int, Bool, String)])] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", [(200, true, "hello")]),
        ("HTTP/1.1 200\r\ncontent-length:5 \r\nX: y\r\n\r\nhello", [(200, true, "hello")]),
        ("HTTP/1.1 404 Not Found\nCONTENT-LENGTH: 0\nConnection: close\n\n", [(404, false, "")]),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", [(200, false, "x")]),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", [(200, true, "x")]),
        ("HTTP/1.1 200 OK\r\nconnection: x, Close\r\nContent-Length: 1\r\n\r\nx", [(200, false, "x")]),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            [(304, true, ""), (204, true, "")]
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", [(201, true, "ok")]),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: u\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz", [(200, true, "abc0123456789"), (200, true, "z")]
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", [(200, false, "until the end")]),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut off", []),
        ("HTTP/1.1 200 OK\r\nContent-Le", []),
    ]

    @Test("Status, body and whether the connection goes on are the same for every size of piece", arguments: 1...80)
    func pieces(size: Int) {
        for (text, expected) in Self.answers {
            let (heard, isUnderstood) = read(text, inPiecesOf: size)
            #expect(isUnderstood)
            #expect(heard == expected.map { Heard(status: $0.0, isKept: $0.1, body: $0.2) })
        }
    }

    @Test(
        "The reader reports at once what is not an answer, and waits for no more of it",
        arguments: [
            "HTTP/2 200\r\n", "SSH-2.0-OpenSSH", "HTTP/1.1 20x OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ])
    func garbage(text: String) {
        for size in [1, 7, 1_000] {
            let (heard, isUnderstood) = read(text, inPiecesOf: size, ends: false)
            #expect(heard.isEmpty && !isUnderstood)
        }
    }

    @Test("A head without end is given up, and of a long body only the beginning is kept")
    func bounds() {
        #expect(
            !read("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 20_000), inPiecesOf: 1_000).isUnderstood)
        let body = String(repeating: "x", count: 200_000)
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n\(body)"
        for size in [999, 65_536, 1_000_000] {
            let (heard, _) = read(answer + answer, inPiecesOf: size)
            #expect(heard.map(\.body.utf8.count) == [AnswerReader.bodyBytes, AnswerReader.bodyBytes])
        }
    }
}

internal import ArgumentParser
internal import Foundation
internal import StrictJSON
internal import TicketAPI

extension Queues {
    struct CheckDraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draw again from the published document, and check a receipt. It needs no service and no key.",
            discussion: """
                FILE is what GET /v1/events/EVENT/queue answered after the draw. docs/queue.md has the same in ten lines
                of Python.

                EXIT STATUS
                   0  everything fits together
                   1  something does not, and a line says what
                  66  the file cannot be read
                """)

        @Argument(help: "The document.", completion: .file(extensions: ["json"]))
        var file: String

        @Option(help: "The receipt of an entry: a line, or a file with it.")
        var receipt: String?

        @Option(help: "A number whose position to print. Repeat it.")
        var number: [UInt32] = []

        func run() async throws {
            try await Failure.reported {
                let check: DrawCheck
                do {
                    check = try DrawCheck(try Self.bytes(of: file))
                } catch let failure as DrawCheck.Failure {
                    throw Failure("\(file): \(failure)", status: Failure.atWork)
                }
                let witness =
                    check.isWitnessed
                    ? "the public value came after they had joined"
                    : check.beacon == nil ? "no public value was used" : "the public value did not come in time"
                print("\(check.event): \(grouped(check.count)) were drawn as published; \(witness)")
                if let announced = check.announced {
                    print("announced: \(announced.printable); used: \(check.beacon?.printable ?? "nothing")")
                }
                for number in number { print("number \(number) has position \(check.position(of: number))") }
                guard let receipt else { return }
                do {
                    let found = try check.check(receipt: try Self.line(receipt))
                    print("the receipt is genuine: number \(found.number) joined at \(found.joinedAt)")
                    print("number \(found.number) has position \(found.position)")
                } catch let failure as DrawCheck.Failure {
                    throw Failure("\(failure)", status: Failure.atWork)
                }
            }
        }

        /// - Parameter path: `-` for standard input.
        private static func bytes(of path: String) throws -> [UInt8] {
            let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
            guard let data = try? file?.read(upToCount: DrawCheck.mostBytes + 1) else {
                throw Failure("cannot read \(path)", status: Failure.cannotRead)
            }
            guard data.count <= DrawCheck.mostBytes else {
                throw Failure("\(path) is longer than any document of a queue", status: Failure.cannotRead)
            }
            return Array(data)
        }

        /// The receipt itself, or the line in the file that the text names.
        private static func line(_ text: String) throws -> String {
            guard !text.contains(" ") else { return text }
            let line = String(decoding: try bytes(of: text), as: UTF8.self)
            return line.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}

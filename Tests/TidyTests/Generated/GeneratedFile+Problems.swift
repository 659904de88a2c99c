import Foundation
import StrictJSON
import TicketAPI

extension GeneratedFile {
    /// The problems in the description of the API.
    static let problemTable = GeneratedFile(path: "docs/api.md") { text in
        let rows = Problem.allCases.map { problem in
            "| [`\(problem.code)`](problems/\(problem.code).md) | \(problem.status) | \(problem.title) "
                + "| \(problem.isRetryable ? "yes" : "no") | \(problem.extras) |\n"
        }
        let head = "| code | status | title | retryable | with |\n|---|---|---|---|---|\n"
        return try replacing("problems", in: text, with: head + rows.joined())
    }

    /// The list of the pages that the service shows.
    static let problemTexts = GeneratedFile(path: "Sources/APIDocs/Texts/problems.h") { _ in
        Problem.allCases.map(\.code).sorted().reduce("// Generated from the table of problems by `make generate`.\n") {
            $0 + """
                {"\($1)", (const unsigned char[]){
                #embed "../../../docs/problems/\($1).md" suffix(, 0)
                }},

                """
        }
    }

    /// The heads of the pages, and what their examples say of the problem.
    static let problemPages = Problem.allCases.map { problem in
        GeneratedFile(path: "docs/problems/\(problem.code).md") { text in
            let head = "# \(problem.title)\n\n\(problem.status) `\(problem.code)`, \(problem.advice)\n"
            let prose = text.range(of: "\n## ").map { String(text[$0.lowerBound...]) }
            return head + (try prose.map(withExample) ?? "\n## What happened\n\n## What to do\n\n## Example\n")
        }
    }

    private static func withExample(_ prose: String) throws -> String {
        guard let begin = prose.range(of: "```json\n"), let end = prose[begin.upperBound...].range(of: "```") else {
            return prose
        }
        var writer = JSONWriter(layout: .indented)
        writer.value(try JSONValue.read(prose[begin.upperBound..<end.lowerBound].utf8).withFactsOfProblems)
        return String(prose[..<begin.upperBound]) + String(decoding: writer.bytes, as: UTF8.self)
            + String(prose[end.lowerBound...])
    }
}

extension Problem {
    fileprivate var advice: String {
        switch retry {
        case .maySucceed(let reason): "retryable: \(reason)"
        case .doesNotHelp(let reason): "not retryable: \(reason)"
        }
    }
}

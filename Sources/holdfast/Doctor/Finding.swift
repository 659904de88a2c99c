internal import StrictJSON

/// What `holdfast doctor` found out about one thing.
struct Finding: Sendable {
    enum State: String, Sendable {
        case fine
        /// No promise is broken, and an operator should know of it.
        case look
        /// The service would not start, or what it promises would not be true.
        case wrong
    }

    var state: State
    /// What was looked at, in one or two words.
    var subject: String
    /// What was found, in a sentence.
    var what: String
    /// What to do about it; `nil` if it is fine.
    var advice: String?

    static func fine(_ subject: String, _ what: String) -> Finding {
        Finding(state: .fine, subject: subject, what: what)
    }

    static func look(_ subject: String, _ what: String, _ advice: String) -> Finding {
        Finding(state: .look, subject: subject, what: what, advice: advice)
    }

    static func wrong(_ subject: String, _ what: String, _ advice: String) -> Finding {
        Finding(state: .wrong, subject: subject, what: what, advice: advice)
    }
}

extension [Finding] {
    /// Lines for people: state, subject and sentence in columns, and what to do below it.
    var table: [String] {
        let states = map { $0.state.rawValue.count }.max() ?? 0
        let subjects = map(\.subject.count).max() ?? 0
        return flatMap { finding -> [String] in
            let head = finding.state.rawValue.padded(to: states) + "  " + finding.subject.padded(to: subjects)
            let advice = finding.advice.map { String(repeating: " ", count: states + subjects + 4) + "→ \($0)" }
            return [head + "  " + finding.what] + (advice.map { [$0] } ?? [])
        }
    }

    /// The same for programs.
    var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("promises_hold", !contains { $0.state == .wrong })
            writer.member("findings") { writer in
                writer.array { writer in
                    for finding in self { finding.write(to: &writer) }
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Finding {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("state", state.rawValue)
            writer.member("subject", subject)
            writer.member("what", what)
            writer.member("advice", advice)
        }
    }
}

internal import BoxOffice

/// The recount's own account of access codes (R46 Access codes).
struct AuditCodes {
    /// A code of an event: the index of its batch and its number.
    struct Used: Hashable {
        var event: Int64
        var batch: Int64
        var number: Int64
    }

    /// By event: every batch that a definition ever named, in the order of the first ones.
    private var names: [Int64: [String]] = [:]
    /// By hold.
    private var codes: [Int64: Used] = [:]
    private var tickets: [Used: Int] = [:]

    mutating func define(_ definition: EventDefinition, _ event: Int64) {
        for batch in definition.codes where !(names[event] ?? []).contains(batch.name.text) {
            names[event, default: []].append(batch.name.text)
        }
    }

    /// The batch of a code in the definition in force; `nil` if it has none or the code was revoked.
    func batch(of code: Used, in definition: EventDefinition) -> EventDefinition.CodeBatch? {
        guard let names = names[code.event], names.indices.contains(Int(code.batch)) else { return nil }
        return definition.codes.first { batch in
            batch.name.text == names[Int(code.batch)] && !batch.isRevoked && code.number >= 1
                && code.number <= batch.count && !batch.revoked.contains(Int(code.number))
        }
    }

    func code(of hold: Int64) -> Used? { codes.isEmpty ? nil : codes[hold] }

    mutating func enter(_ code: Used, of hold: Int64) {
        codes[hold] = code
    }

    /// Adds tickets that the hold takes, or gives back if there are less than none.
    mutating func count(_ count: Int, of hold: Int64) {
        if let code = code(of: hold) { tickets[code, default: 0] += count }
    }

    func taken(with code: Used) -> Int { tickets[code] ?? 0 }
}

extension AuditAccount {
    /// Checks what a hold asked of its code. Windows are not checked: the facts have the store's clock, and windows
    /// follow the time of day.
    func check(
        _ code: AuditCodes.Used, _ lines: AuditLines, of event: Int64, _ definition: EventDefinition, _ name: String
    ) throws -> EventDefinition.CodeBatch {
        guard let batch = codes.batch(of: code, in: definition) else {
            throw BrokenRule("R46 Access codes: \(name) was made with a code that was not good for anything")
        }
        for line in [lines.first] + lines.more {
            let index = Int(line.type)
            let type = typeCodes[event].flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? ""
            let parts = type.split(separator: "/")
            try expect(
                batch.types.isEmpty || batch.types.contains { $0.text == parts.first ?? "" },
                "R46 Access codes: \(name) has tickets of \(type), and its code is not good for them")
            try expect(
                batch.allocation == nil || parts.count == 2 && batch.allocation?.text == String(parts[1]),
                "R46 Access codes: \(name) draws on \(type), and its code on another allocation")
        }
        return batch
    }

    /// Checks that no more is taken with the code of a hold than it is good for.
    func checkCode(of hold: Int64, in event: Int64, _ name: String) throws {
        guard let code = codes.code(of: hold) else { return }
        guard let definition = definitions[event], let batch = codes.batch(of: code, in: definition) else {
            throw BrokenRule("R46 Access codes: \(name) was made with a code that was not good for anything")
        }
        let taken = codes.taken(with: code)
        try expect(
            taken <= batch.tickets,
            "R46 Access codes: with \(name), \(taken) tickets are taken with a code for \(batch.tickets)")
    }
}

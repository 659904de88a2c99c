internal import ArgumentParser
internal import TicketAPI
internal import TicketStore

/// Why an operator changes something, for the audit (R49 Audit differences).
struct ReasonOption: ParsableArguments {
    @Option(help: ArgumentHelp("Why, for the audit: 1 to 500 bytes.", valueName: "text"))
    var reason: String?

    func validate() throws {
        guard reason.map(AuditNote.isReason) ?? true else {
            throw ValidationError("--reason must have \(AuditNote.reasonForm)")
        }
    }

    /// What stands behind the path of a request that changes something; empty without a reason.
    var query: String {
        guard let reason else { return "" }
        return "?reason=" + reason.percentEncoded
    }
}

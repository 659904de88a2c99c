internal import BoxOffice
internal import HTTPTypes
internal import HummingbirdCore
internal import StrictJSON
internal import TicketStore

/// The classic completion by a shop or an operator whose key has to be looked up; the fast path answers all other classic
/// calls.
struct ClassicRoutes: Sendable {
    private let reader: RequestReader
    private let authorizer: OperatorAuthorizer
    private let mint: TokenMint
    private let statuses: ServiceConfiguration.ClassicStatus

    init(_ service: ServiceContext, authorizer: OperatorAuthorizer) {
        reader = RequestReader(service)
        self.authorizer = authorizer
        mint = service.mint
        statuses = service.configuration.classicStatus
    }

    @Sendable func complete(_ call: RouteRequest) async throws -> Response {
        do {
            let named = mint.hold(of: call.segment)
            let key = try await authorizer.admit(call.fields, toHold: .sell, .hold(named))
            // It needs no key (R16 Completion without a key); a key that comes has to be well formed.
            if let header = call.fields.idempotencyKey { _ = try RequestReader.key(header, isAnonymous: false) }
            guard let hold = named else { throw Refused(.unknownHold) }
            let note = key.noteOnHold("hold.purchase", hold)
            switch await reader.ask(.purchase(hold, nil, by: key.completer), note: note) {
            case .decided(.purchased(let view, _, _), _):
                var writer = JSONWriter(reserving: 64)
                writer.object { writer in
                    writer.member("success", true)
                    writer.member("purchase", view.id.purchase)
                }
                return json(.ok, writer.bytes)
            case .decided(.refused(let refusal), let moment): throw Refused(refusal, at: moment)
            case .failed(let failure): throw Refused(failure)
            case .decided(let outcome, _): preconditionFailure("a purchase does not come to \(outcome)")
            }
        } catch let refused as Refused {
            return answer(refused)
        } catch let failure as StoreFailure {
            return answer(Refused(failure))
        }
    }

    private func answer(_ refused: Refused) -> Response {
        let status = ClassicAnswers.status(of: refused.problem, statuses)
        var response = json(.init(code: status), ClassicAnswers.body(of: refused.problem, refused.detail))
        for field in refused.headers { response.headers[field.name] = field.value }
        if let seconds = refused.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }
}

internal import NIOHTTP1

extension HTTPConnectionMachine {
    /// What is to be done next, in the order in which it arrived.
    enum Work {
        case request(CallRequest)
        /// The client waits for 100 Continue before it sends its body.
        case expectation
        /// The last answer on the connection, and the head of what is refused, if it was read.
        indirect case refusal(Refused, of: HTTPRequestHead?)
    }

    /// What the router works on.
    struct RoutedAnswer {
        let request: RoutedRequest
        let standing: CallerQuota.Standing?
        let sharing: SharedOrigins.Standing
        var after: AnswerForm.After
    }

    enum ReceiveAction {
        case decode, drop, close
    }

    enum InputEndAction {
        case goOn
        /// The router gives up for a client that has left.
        case tellRouter
        case close
    }

    enum QuiesceAction {
        case goOn, close
    }

    enum IdleAction {
        case goOn, closeOutput
        /// The client has closed its side.
        case closeWhenSent
    }

    enum TickAction {
        case goOn, refuseRequest, close
    }
}

/// The request that is being read.
enum RequestInReading {
    case nothing
    case request(CallRequest)
    /// Nothing is taken any more; what still comes is thrown away.
    case refused
}

/// What comes out of reading, in order.
enum Arrival {
    case request(CallRequest)
    /// The client waits for 100 Continue, and gets it when everything before is answered.
    case expectation
    /// The last thing on its connection.
    case refusal(Refused)
}

internal import NIOHTTP1

/// Whose the request is that is being read.
enum RequestInReading {
    case nothing
    case fast(FastRequest)
    case router(RoutedRequest)
    /// Nothing is taken any more; what still comes is thrown away.
    case refused
}

/// What comes out of reading, in order.
enum Arrival {
    case fast(FastRequest)
    case router(RoutedRequest)
    /// Whoever waits for 100 Continue gets it when everything before is answered.
    case expectation
    /// The last thing on its connection.
    case refusal(Refused)
}

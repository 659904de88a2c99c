internal import BoxOffice

extension StoreState {
    /// What became of the codes of a batch (R46 Access codes).
    mutating func codes(of batch: Code, in event: Code, after: Int, limit: Int) -> [CodeCount]? {
        office.codes(of: batch, in: event, after: after, limit: limit, at: readClock().moment)
    }
}

/// The access code that a hold was made with, as operators see it (R46 Access codes). Its text is in no store.
public struct SaleCode: Sendable, Hashable {
    public var batch: String
    /// From 1 within its batch.
    public var number: Int

    public init(batch: String, number: Int) {
        self.batch = batch
        self.number = number
    }
}

extension LedgerSchema {
    /// Who sold (R48 Operator keys).
    static let sellers = """
        -- The name of the key that completed a hold, with the hold's event. A row is part of the fact of its purchase; a purchase
        -- that a buyer's token completed has none.
        CREATE TABLE sold_by (hold INTEGER PRIMARY KEY, event INTEGER NOT NULL, seller TEXT NOT NULL) STRICT;
        CREATE INDEX sold_by_seller ON sold_by (seller, event, hold);
        """
}

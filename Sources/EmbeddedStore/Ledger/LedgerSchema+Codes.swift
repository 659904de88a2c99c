extension LedgerSchema {
    /// Access codes (R46 Access codes). The batches stand in the definitions; only what was held with a code is a fact.
    static let codes = """
        -- The access code that a hold was made with: the index of its batch among all that the event's definitions ever named,
        -- from 0, and the number of the code.
        CREATE TABLE hold_codes (hold INTEGER PRIMARY KEY, batch INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
        """
}

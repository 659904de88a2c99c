extension LedgerSchema {
    static let queues = """
        -- What happened to the queue of an event (Q1 Phases to Q7 Admission). By kind:
        -- 1 opened: number 1 if it gathers, position 1 if entries are those of buyers, text the secret in hexadecimal digits.
        -- 2 a block of numbers: number the first that may not be given yet. 3 a buyer joined: number, position and moment two
        -- halves of a digest, which is nobody's name. 4 gathered: number how many are drawn. 5 drawn: number 0 without a beacon,
        -- 1 with one that did not come, 2 with text. 6 the head moved: position the head, number how many people it passed, text
        -- 'known' if they were known to be there.
        -- 7 a turn began: number, position, moment its end, text the head if it moved with it. 8 an operator changed it: moment
        -- twice the rate, and 1 if it is paused; number people, position the head if it moved with it, text as with 6. 9 an entry
        -- left: number. 10 over. 11 reopened. 12 numbers were given: position the first, number the end. An erasure overwrites the digest of 3 with position 0 and the number as moment (R41 Erasure).
        CREATE TABLE queue_facts (
          seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event INTEGER NOT NULL, kind INTEGER NOT NULL,
          number INTEGER NOT NULL, position INTEGER NOT NULL, moment INTEGER NOT NULL, text TEXT
        ) STRICT;
        -- An erasure finds the digest of an entry without reading the whole queue.
        CREATE INDEX queue_buyers ON queue_facts (event, number) WHERE kind = 3;
        -- The entry of its queue that a hold was made by (Q6 Pass). A row is part of the fact of its hold.
        CREATE TABLE hold_entries (hold INTEGER PRIMARY KEY, entry INTEGER NOT NULL) STRICT;
        -- After the fact `seq` facts were lost, with which queues may have given numbers until the time of day `until`.
        CREATE TABLE queue_losses (seq INTEGER PRIMARY KEY, until INTEGER NOT NULL) STRICT;
        """
}

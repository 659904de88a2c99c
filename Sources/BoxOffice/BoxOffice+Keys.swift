// Which idempotency keys are remembered (R15 Idempotency keys).
//
// A key counts for 24 hours where its hold is live or was purchased in time, and for an hour otherwise, or less where the
// room for keys is used up. That follows from the key, its hold and the clock; sweeping only gives memory back. A late
// purchase, which comes from somebody who has the token, does not bring a key back that counted no more.

extension BoxOffice {
    /// Keys in memory: those that count, and some that were not swept yet.
    public var keyCount: Int { keys.count }

    /// Before this moment no key counts.
    public var oldestKeyAt: Timestamp { clock.advanced(by: .zero - limits.keyRetention) }

    /// Before this moment only keys of live holds and of purchases count.
    public var oldestKeyOfEndedHoldAt: Timestamp {
        max(clock.advanced(by: .zero - limits.endedKeyRetention), keys.crowdedOutBefore)
    }

    /// Whether a key that was used for a hold at `moment` still counts.
    public func counts(_ hold: HoldID, usedAt moment: Timestamp) -> Bool {
        moment >= oldestKeyOfEndedHoldAt || moment >= oldestKeyAt && holds.isLiveOrSold(hold, at: clock)
    }

    /// What `key` was used for, if that counts.
    func use(of key: IdempotencyKey) -> KeyTable.Use? {
        guard let use = keys.use(of: key), counts(use.hold, usedAt: use.at) else { return nil }
        return use
    }

    mutating func remember(_ key: KeyFact, _ id: HoldID, at moment: Timestamp) {
        if keys.count >= limits.keys { makeRoomForKey() }
        keys.remember(
            key.key, KeyTable.Use(fingerprint: key.folded, hold: id, at: moment), room: limits.keys)
    }

    /// Sweeps a little further, and each time the sweep came round and found too little, gives up the oldest part of the
    /// room. The table may grow past its room meanwhile: nothing is refused for want of it.
    private mutating func makeRoomForKey() {
        for _ in 0..<2 where keys.count >= limits.keys {
            if sweepKeys(Limits.keysLookedAtForRoom), keys.count >= limits.keys { keys.crowdOut() }
        }
    }

    /// Forgets, of the next so many keys, those that count no more.
    ///
    /// - Returns: whether the sweep came round.
    mutating func sweepKeys(_ limit: Int) -> Bool {
        let (oldest, oldestOfEnded, holds, clock) = (oldestKeyAt, oldestKeyOfEndedHoldAt, holds, clock)
        let cameRound = keys.sweep(limit) { use in
            use.at < oldestOfEnded && (use.at < oldest || !holds.isLiveOrSold(use.hold, at: clock))
        }
        if cameRound { keys.dropParts(before: oldestOfEnded) }
        return cameRound
    }
}

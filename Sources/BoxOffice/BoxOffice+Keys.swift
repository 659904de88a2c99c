// Which idempotency keys still count (R15 Idempotency keys).
//
// A key counts for 24 hours if its hold is live or was purchased in time. Otherwise it counts for an hour, or less if
// the room for keys is used up. That follows from the key, its hold and the clock; the sweep only frees memory. A late
// purchase does not revive an expired key: the caller has the token anyway.

extension BoxOffice {
    /// Keys in memory: those that count, and expired ones that the sweep has not reached.
    public var keyCount: Int { keys.count }

    /// A key that was used before this moment does not count.
    public var oldestKeyAt: Timestamp { clock.advanced(by: .zero - limits.keyRetention) }

    /// A key that was used before this moment counts only if its hold is live or was purchased in time.
    public var oldestKeyOfEndedHoldAt: Timestamp {
        max(clock.advanced(by: .zero - limits.endedKeyRetention), keys.crowdedOutBefore)
    }

    /// Whether a key still counts that was used for `hold` at `moment`.
    public func counts(_ hold: HoldID, usedAt moment: Timestamp) -> Bool {
        moment >= oldestKeyOfEndedHoldAt || moment >= oldestKeyAt && holds.isLiveOrSold(hold, at: clock)
    }

    /// What `key` was used for; `nil` if it is unknown or no longer counts.
    func use(of key: IdempotencyKey) -> KeyTable.Use? {
        guard let use = keys.use(of: key), counts(use.hold, usedAt: use.at) else { return nil }
        return use
    }

    mutating func remember(_ key: KeyFact, _ id: HoldID, at moment: Timestamp) {
        if keys.count >= limits.keys { makeRoomForKey() }
        keys.remember(
            key.key, KeyTable.Use(fingerprint: key.folded, hold: id, at: moment), room: limits.keys)
    }

    /// Sweeps a little further. When a whole sweep has freed too little, it gives up the oldest part of the room. The table
    /// may outgrow its room meanwhile, because no request is refused for lack of it.
    private mutating func makeRoomForKey() {
        for _ in 0..<2 where keys.count >= limits.keys {
            if sweepKeys(Limits.keysLookedAtForRoom), keys.count >= limits.keys { keys.crowdOut() }
        }
    }

    /// Looks at the next `limit` keys and drops those that no longer count.
    ///
    /// - Returns: whether the sweep finished a round.
    mutating func sweepKeys(_ limit: Int) -> Bool {
        let (oldest, oldestOfEnded, holds, clock) = (oldestKeyAt, oldestKeyOfEndedHoldAt, holds, clock)
        let isRoundDone = keys.sweep(limit) { use in
            use.at < oldestOfEnded && (use.at < oldest || !holds.isLiveOrSold(use.hold, at: clock))
        }
        if isRoundDone { keys.dropParts(before: oldestOfEnded) }
        return isRoundDone
    }
}

import BoxOffice

// Judging answers about a hold that was given.

extension Oracle {
    mutating func judge(_ hold: String, _ request: Ask, _ heard: Heard, _ span: ClosedRange<Int64>) {
        guard let account = accounts[hold] else {
            switch heard {
            case .unknownHold, .refused, .keyReused, .again: return
            default: return breach(nil, "\(request.asked) was answered \(heard), and \(hold) was never given")
            }
        }
        let was = states(of: account, span)
        if case .returnPart(_, let lines, _) = request.asked, let key = request.key {
            return judgePart(hold, lines, key, was, request, heard)
        }
        if judgeCorrection(hold, was, request, heard, span) { return }
        if let key = request.key, judgeKey(key, request, heard, span) { return }
        switch heard {
        case .refused: break
        case .unknownHold:
            guard mayBeUnknown(account, was, request, span) else {
                return breach(.endedHolds, "\(hold) was given and is unknown")
            }
        case .looked(let state, let payment): judgeLook(hold, was, state, payment)
        case .released(let repeated):
            expect(hold, was, repeated ? [.released, .expired] : [.held], request, heard)
            if !repeated { accounts[hold]?.possible = [.released] }
        case .returned(let repeated): takeBack(hold, was, repeated, request)
        case .purchased(let late, let repeated): purchase(hold, was, late, repeated, request, span)
        case .expired(let refund): expire(hold, was, refund, request, span)
        case .extended(let told): extend(hold, was, told, request, span)
        case .alreadyPurchased: judgePurchased(hold, was, account, request)
        case .wasReleased(let refund):
            expect(hold, was, [.released], request, heard)
            judgeRefund(hold, refund, account, request, span)
        case .wasReturned(let refund):
            expect(hold, was, [.returned], request, heard)
            judgeRefund(hold, refund, account, request, span)
        case .notPurchased: expect(hold, was, [.held, .expired, .released], request, heard)
        case .paymentConflict(let refund):
            judgeConflict(hold, was, account, request, refund)
            if refund { judgeRefund(hold, refund, account, request, span) }
        case .eventCancelled(let refund):
            expect(hold, was, [.held], request, heard)
            judgeCancelled(account.event, request)
            judgeRefundOfCancelled(hold, refund, account, request, span)
        case .paidBack(let repeated): payBack(hold, repeated, request)
        case .unknownDebt: judgeUnknownDebt(hold, request)
        case .erased, .isLive, .hasDebt: judgeErasure(hold, was, request, heard)
        case .completedByShop:
            guard case .purchase(_, _, false, _) = request.asked, definitions[account.event]?.completion == .shop else {
                return breach(.whoCompletes, "\(request.asked) was left to the shop")
            }
        case .extensionDenied:
            expect(hold, was, [.held], request, heard)
            let limit = account.promised.maximumExtensions
            if isSequential, account.extensions < limit {
                breach(.extension, "\(hold) was denied extension \(account.extensions + 1) of \(limit)")
            }
        default: breach(nil, "\(request.asked) was answered \(heard), which is not an answer to it")
        }
    }

    /// R31 Ended holds: a hold can be looked at for seven days after its end, and what was bought for good.
    private func mayBeUnknown(
        _ account: Account, _ was: Set<State>, _ request: Ask, _ span: ClosedRange<Int64>
    ) -> Bool {
        guard case .look = request.asked else { return false }
        let isLate = account.end.lowerBound + 7 * 24 * 3_600_000 <= span.upperBound
        return isLate && !was.isSubset(of: [.purchased, .returned])
    }

    /// Expects the hold to be in one of the `fitting` states; from now on it can only be in these.
    mutating func expect(
        _ hold: String, _ was: Set<State>, _ fitting: Set<State>, _ request: Ask, _ heard: Heard
    ) {
        let left = was.intersection(fitting)
        guard !left.isEmpty else {
            return breach(request.asked.rule, "\(request.asked) was answered \(heard), and the hold can only be \(was)")
        }
        accounts[hold]?.possible = left
        if left == [.expired] { accounts[hold]?.wasToldExpired = true }
    }

    private mutating func takeBack(_ hold: String, _ was: Set<State>, _ repeated: Bool, _ request: Ask) {
        expect(hold, was, repeated ? [.returned] : [.purchased], request, .returned(repeated: repeated))
        accounts[hold]?.possible = [.returned]
    }

    mutating func look(_ hold: String, _ was: Set<State>, _ state: Heard.State) {
        let fitting: Set<State> =
            switch state {
            case .held: [.held]
            case .purchased: [.purchased]
            case .released: [.released]
            case .expired: [.expired]
            case .returned: [.returned]
            }
        let left = was.intersection(fitting)
        if left.isEmpty { return breach(nil, "\(hold) is shown as \(state), and can only be \(was)") }
        accounts[hold]?.possible = left
        if state == .expired { accounts[hold]?.wasToldExpired = true }
    }

    /// - Returns: whether the answer was about the key only, so that it says nothing new about the hold.
    private mutating func judgeKey(_ key: String, _ request: Ask, _ heard: Heard, _ span: ClosedRange<Int64>) -> Bool {
        if let known = uses[key], isRemembered(known, span) {
            switch heard {
            case .keyReused where known.asked != request.asked: return true
            case .again(let hold, let state, let told, _) where known.asked == request.asked && known.hold == hold:
                judgeAgain(hold, state, told, span)
                return true
            case .refused: return true
            case .eventCancelled where known.asked == request.asked: return false
            default:
                breach(.keys, "\(request.asked) with a key used for \(known.asked) was answered \(heard)")
                return true
            }
        }
        switch heard {
        case .extended:
            uses[key] = Use(asked: request.asked, hold: request.asked.hold ?? "", answeredAt: span.lowerBound)
        case .again(let hold, let state, let told, _):
            if uses[key] == nil {
                guard hold == request.asked.hold, accounts[hold]?.pending.values.contains(request.asked) ?? false else {
                    breach(.keys, "\(request.asked) was replayed to a key never used")
                    return true
                }
                // The first request with this key had no answer. It extended the hold.
                uses[key] = Use(asked: request.asked, hold: hold, answeredAt: span.lowerBound)
                if state == .held { extend(hold, [.held], told, request, span) }
            } else {
                judgeAgain(hold, state, told, span)
            }
            return true
        case .keyReused:
            if uses[key] == nil { breach(.keys, "\(request.asked) was called another request under a new key") }
            return true
        default: break
        }
        return false
    }

    private mutating func purchase(
        _ hold: String, _ was: Set<State>, _ late: Bool, _ repeated: Bool, _ request: Ask, _ span: ClosedRange<Int64>
    ) {
        guard case .purchase(_, let payment, let byKey, let seller) = request.asked, let account = accounts[hold],
            let definition = definitions[account.event]
        else { return breach(nil, "\(request.asked) was answered as purchased") }
        if !byKey, definition.completion == .shop { breach(.whoCompletes, "\(hold) was completed with a token alone") }
        let heard = Heard.purchased(late: late, repeated: repeated)
        accounts[hold]?.isLate = late
        if !repeated, cancelled.contains(account.event) {
            breach(.cancelled, "\(hold) was purchased after its event was cancelled")
        }
        if repeated {
            expect(hold, was, [.purchased], request, heard)
            if let isLate = account.isLate, isLate != late {
                breach(.purchaseOnce, "\(hold) was late before, or is now")
            }
            if payment == nil, isForeign(account, to: seller) {
                breach(.sellers, "\(request.asked) was shown a sale of \(account.seller ?? "")")
            }
            if let payment, account.paid != .unknown, account.paid != .with(payment) {
                breach(.purchaseOnce, "\(hold) was paid \(account.paid), and \(payment) was taken as the same payment")
            }
            return
        }
        expect(hold, was, late ? [.expired] : [.held], request, heard)
        accounts[hold]?.possible = [.purchased]
        accounts[hold]?.paid = payment.map { .with($0) } ?? .without
        accounts[hold]?.seller = seller?.name
        if let payment {
            for other in payments[payment, default: []] where other != hold {
                guard accounts[other]?.hasSpent(payment) ?? false else { continue }
                breach(.onePayment, "\(payment) was taken for \(other) and \(hold)")
            }
        }
        if let payment, let debt = debts.removeValue(forKey: payment) {
            if debt.isPaidBack { breach(.debts, "\(payment) was paid back, and bought \(hold)") }
            if late, debt.hold == hold, debt.isConfirmed || !byKey, !isForgotten(debt, span) {
                breach(.latePayment, "\(payment) was owed back for \(hold), and bought it")
            }
        }
        guard late else { return }
        if account.isErased { breach(.erasure, "\(hold) was purchased late after it was erased") }
        if payment == nil { breach(.latePayment, "\(hold) was purchased after its end without a payment") }
        if account.promised.latePayment == .strict {
            breach(.latePayment, "\(hold) was purchased after its end, policy strict")
        }
        if let buyer = account.buyer, let limit = definition.ticketsPerBuyer {
            let taken = taken(by: buyer, in: account.event, span, except: hold).tickets
            if taken.lowerBound + account.tickets > limit {
                breach(.buyerLimits, "\(hold), paid late, gives \(buyer) more than \(limit) tickets")
            }
        }
        judgeLateTerms(of: hold, account, definition, span)
        judgePlaces(of: hold, account.needs, definition, span.upperBound...span.upperBound)
    }

    private mutating func expire(
        _ hold: String, _ was: Set<State>, _ refund: Bool, _ request: Ask, _ span: ClosedRange<Int64>
    ) {
        expect(hold, was, [.expired], request, .expired(refund: refund))
        accounts[hold]?.wasToldExpired = true
        guard let account = accounts[hold] else { return }
        judgeRefund(hold, refund, account, request, span)
        guard refund, case .purchase(_, _?, let byKey, _) = request.asked, account.promised.latePayment == .reacquire,
            let definition = definitions[account.event], isSequential
        else { return }
        // A debt stays a debt, except an unconfirmed one when the payment comes again with a key.
        let wasOwed = accounts[hold]?.owedBefore.map { $0.isConfirmed || !byKey } ?? false
        // The entry of the queue that held may have bought as often as it may (Q6 Pass).
        if !wasOwed, !account.isErased, !queues.isUsedUp(hold, span.upperBound),
            !couldLose(account, hold, definition, span)
        {
            breach(.latePayment, "\(hold) was lost to a late payment, and its places were free")
        }
    }

    /// R23 Debts: a payment that bought nothing is owed back once, whatever the reason.
    mutating func judgeRefund(
        _ hold: String, _ refund: Bool, _ account: Account, _ request: Ask, _ span: ClosedRange<Int64>
    ) {
        accounts[hold]?.owedBefore = nil
        guard case .purchase(_, let payment?, let byKey, _) = request.asked else {
            if refund { breach(.debts, "a refund is owed for no payment, \(request.asked)") }
            return
        }
        guard refund else {
            if account.paid != .with(payment), isSequential {
                breach(.debts, "\(payment) bought nothing at \(hold), and no refund is owed")
            }
            return
        }
        if account.paid == .with(payment) { breach(.debts, "\(payment) bought \(hold), and is owed back") }
        let known = debts[payment].flatMap { isForgotten($0, span) ? nil : $0 }
        if known?.hold == hold { accounts[hold]?.owedBefore = known }
        guard known == nil || byKey && known?.isConfirmed == false else { return }
        // A token's further payments for the hold are not recorded (R23 Debts).
        let others = debts.values.count {
            $0.hold == hold && !$0.isConfirmed && !$0.isPaidBack && !isForgotten($0, span)
        }
        if !byKey, others >= Limits().unconfirmedDebtsPerHold { return }
        debts[payment] = Debt(hold: hold, isConfirmed: byKey, at: span.lowerBound)
        if account.isErased { accounts[hold]?.wasOwedSinceErasure = true }
    }

    private func isForgotten(_ debt: Debt, _ span: ClosedRange<Int64>) -> Bool {
        !debt.isConfirmed && !debt.isPaidBack && debt.at + debtRetention <= span.upperBound
    }

    private mutating func payBack(_ hold: String, _ repeated: Bool, _ request: Ask) {
        guard case .payBack(_, let payment) = request.asked else {
            return breach(nil, "\(request.asked) was answered as paid back")
        }
        guard isSequential else { return }
        guard let debt = debts[payment], debt.hold == hold, debt.isPaidBack == repeated else {
            return breach(.debts, "\(payment) was paid back for \(hold), repeated \(repeated), and was not owed so")
        }
        debts[payment]?.isPaidBack = true
    }

    private mutating func judgeUnknownDebt(_ hold: String, _ request: Ask) {
        guard isSequential, case .payBack(_, let payment) = request.asked, let debt = debts[payment] else { return }
        if debt.hold == hold, debt.isConfirmed || debt.isPaidBack {
            breach(.debts, "\(payment) is owed back for \(hold), and is unknown")
        }
    }

    private mutating func couldLose(
        _ account: Account, _ hold: String, _ definition: EventDefinition, _ span: ClosedRange<Int64>
    ) -> Bool {
        let tally = tally(of: account.event, span)
        for bound in bounds(of: account.needs, definition, tally)
        where bound.places.lowerBound - bound.promised.upperBound < bound.need {
            return true
        }
        if couldLoseByTerms(account, hold, definition, span) { return true }
        guard let buyer = account.buyer, let limit = definition.ticketsPerBuyer else { return false }
        return taken(by: buyer, in: account.event, span, except: hold).tickets.upperBound + account.tickets > limit
    }

    private mutating func extend(
        _ hold: String, _ was: Set<State>, _ told: ClosedRange<Int64>, _ request: Ask, _ span: ClosedRange<Int64>
    ) {
        expect(hold, was, [.held], request, .extended(told: told))
        guard let account = accounts[hold] else { return }
        if cancelled.contains(account.event) {
            breach(.cancelled, "\(hold) was extended after its event was cancelled")
        }
        let promised = account.promised
        let grace = promised.clientGrace.inMilliseconds
        let end = (told.lowerBound + grace)...(told.upperBound + grace)
        if end.upperBound < account.end.lowerBound {
            breach(.extension, "\(hold) was shortened from \(account.end) to \(end)")
        }
        let time = promised.life.inMilliseconds
        if end.lowerBound > max(account.end.upperBound, span.upperBound + time)
            || end.upperBound < span.lowerBound + time
        {
            breach(
                .extension,
                "\(hold) was extended at \(span) from \(account.end) to \(end), by more or less than \(time)")
        }
        if account.extensions >= promised.maximumExtensions {
            breach(.extension, "\(hold) was extended more than \(promised.maximumExtensions) times")
        }
        accounts[hold]?.possible = [.held]
        accounts[hold]?.end = end
        accounts[hold]?.extensions += 1
    }

    private mutating func judgeConflict(
        _ hold: String, _ was: Set<State>, _ account: Account, _ request: Ask, _ refund: Bool
    ) {
        guard isSequential else { return }
        guard case .purchase(_, let payment?, _, _) = request.asked else {
            return breach(.purchaseOnce, "\(request.asked) was a conflict of payments")
        }
        let others = payments[payment, default: []].filter { $0 != hold }
        let isSpent =
            others.contains { accounts[$0].map { $0.hasSpent(payment) || !$0.pending.isEmpty } ?? false }
            || debts[payment]?.isPaidBack == true
        if refund {
            if isSpent || !was.contains(.purchased) || account.paid == .with(payment) {
                breach(.debts, "\(payment) is owed back at \(hold) as a second payment, and is none")
            }
        } else if !isSpent {
            breach(.onePayment, "\(payment) was refused at \(hold), and bought nothing else")
        }
    }
}

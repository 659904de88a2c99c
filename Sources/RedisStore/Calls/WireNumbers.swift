internal import BoxOffice

/// The numbers that nodes and the functions exchange, from the enums with which Swift reads and writes them.
///
/// ``FunctionLibrary`` puts ``prelude`` in front of the functions, so a number is written once and has a name on both
/// sides.
package enum WireNumbers {
    /// A Lua table for each enum, by the names of its cases.
    package static var prelude: String {
        [
            table("STATUS", CallReply.Status.allCases), table("OUTCOME", OutcomeCode.allCases),
            table("OUTCOME_FLAG", OutcomeFlag.allCases), table("REFUSED", RefusalCode.allCases),
            table("INVALID", MistakeCode.allCases), table("POOL_FLAG", PoolFlag.allCases),
            table("COMMAND", CommandCode.allCases), table("COMMAND_FLAG", CommandFlag.allCases),
            table("ERASURE", ErasureFlag.allCases), table("ELSEWHERE", PaymentUse.allCases),
            table("OVERRIDE", Override.Check.allCases),
            table("REASON", DebtReason.allCases),
            table("STATE", [HoldState.held, .purchased, .released, .returned]), table("VIEW", ViewState.allCases),
            table("RECORD", RecordMark.allCases), table("CHANGE", ChangeReply.Result.allCases),
            table("OBSTACLE", ObstacleCode.allCases), table("ENTERED", EnterReply.allCases),
            table("REPAIR", EventRecounts.Correction.allCases),
            queueTable,
        ].joined(separator: "\n") + "\n"
    }

    private static func table<Number: RawRepresentable<UInt8>>(_ name: String, _ numbers: [Number]) -> String {
        "local \(name) = { \(members(numbers)) }"
    }

    static func members<Number: RawRepresentable<UInt8>>(_ numbers: [Number]) -> String {
        numbers.map { "\(snakeCased("\($0)")) = \($0.rawValue)" }.joined(separator: ", ")
    }

    private static func snakeCased(_ name: String) -> String {
        name.reduce(into: "") { text, letter in text += letter.isUppercase ? "_" + letter.lowercased() : String(letter)
        }
    }
}

/// The kind of a command.
enum CommandCode: UInt8, CaseIterable {
    case hold = 1
    case extend, release, purchase, giveBack, look, payBack
    case returnPart = 8
    case correct = 9
    case erase = 10
    case queue = 11
}

/// What follows a command, or is true of it.
enum CommandFlag: UInt8, CaseIterable {
    case buyer = 1
    case key = 2
    case claim = 4
    /// A key of the role shop or operator completes (R24 Who completes).
    case byKey = 8
    /// The checks that do not count for a hold follow (R43 Override).
    case override = 16
    /// Only a purchase is corrected (R40 Corrections).
    case onlyPurchase = 64
    /// An access code (R46 Access codes).
    case code = 32
    /// On the byte with the command's code: an operator's note follows.
    case note = 128
}

/// What a payment was used for in another event of a cluster.
package enum PaymentUse: UInt8, CaseIterable, Sendable {
    case none = 0
    case bought = 1
    /// Owed back for a hold there; a token alone reported it.
    case unconfirmedDebt = 2
    case confirmedDebt = 3
    /// The event gave up its most names of a day already, so it keeps this one.
    case notGivenUp = 4
}

/// What became of a command that was done.
enum OutcomeCode: UInt8, CaseIterable {
    case held = 1
    case extended, released, purchased, returned, looked, paidBack
    case corrected = 9
    case erased = 10
    case queue = 11
}

/// What an erasure asks for.
enum ErasureFlag: UInt8, CaseIterable {
    case onlyPurchase = 1
    case isTrial = 2
}

enum OutcomeFlag: UInt8, CaseIterable {
    case repeated = 1
    case late = 2
    /// How many tickets of each line were returned follows the lines.
    case returns = 4
    /// A payment is owed back for the hold that was looked at.
    case owed = 8
    /// A payment for the hold that was looked at was paid back.
    case paidBack = 16
    /// A late payment for the hold that was looked at would buy nothing.
    case neverLate = 32
}

/// Why a command was refused. Each is a `Refusal`, except ``gone`` and ``unclaimed``.
enum RefusalCode: UInt8, CaseIterable {
    case ticketType = 33
    case hold, invalid, notStarted, ended, paused, poolClosed, buyerLimit, temporarilyHeld, soldOut, insufficient
    case expired, released, purchased, returned, payment, extensionDenied, notPurchased, keyReused, manyHolds, byShop
    case unknownDebt
    case isLive = 75
    case hasDebt = 76
    case typeNotStarted = 78
    case typeEnded = 79
    case typeLimit = 80
    case cancelled = 81
    /// The event was removed. Its code may lead to another event by now.
    case gone = 61
    /// The event gave up the payment meanwhile. It must be claimed again.
    case unclaimed = 62
    /// The type has no such allocation, or it was released (R45 Allocations).
    case allocation = 85
    case returnTooLarge = 70
    case purchaseErased = 72
    case correctionOutdated = 73
    /// The event has no such access code, or it was revoked (R46 Access codes).
    case unknownCode = 86
    case codeNotForType, codeNotYet, codeEnded, codeUsedUp
    /// The kind of the queue's refusal follows (``QueueRefusalCode``).
    case queue = 95
}

/// What is wrong with a request to hold.
enum MistakeCode: UInt8, CaseIterable {
    case lines = 1
    case quantity, minimum, total, buyer, typeQuantity, typeMinimum
    case queueNeedsBuyer, queueTakesNoBuyer, queueAdjustment
}

enum PoolFlag: UInt8, CaseIterable {
    case closed = 1
    case retired = 2
}

/// A hold's state in answers. (A hold past its deadline is kept as held.)
enum ViewState: UInt8, CaseIterable {
    case held = 0
    case purchased, released, returned, expired
}

/// What else the byte with the state of a kept hold says.
enum RecordMark: UInt8, CaseIterable {
    /// Below it is the state, and from it on are the marks.
    static let first: UInt8 = 8

    func isSet(in head: UInt8) -> Bool { head & rawValue != 0 }

    /// A state that an earlier release wrote, for holds whose payment was owed back.
    case owed = 4
    /// Added to the state: the purchase's partial returns follow its lines.
    case returns = 8
    /// Added to the state: an operator's note follows (R40 Corrections).
    case note = 16
    /// Added to the state: when the hold was erased follows (R41 Erasure).
    case erased = 32
    /// Added to the state: the access code that the hold was made with stands last (R46 Access codes).
    case code = 64
    /// Added to the state: the number of the hold's terms follows its lines.
    case withTerms = 128
}

/// What forbids a definition while places are promised.
enum ObstacleCode: UInt8, CaseIterable {
    case pool = 1
    case pools, types, terms, batches
    /// What entries of the queue belong to stays so.
    case queueByDevice, queueByBuyer, queueBeacon
}

/// What became of an entry in the list of events.
enum EnterReply: UInt8, CaseIterable {
    case unchanged = 0
    case changed
    /// The event is new, and its code belongs to another event.
    case otherLeads
}

/// What each buyer of an event holds and has bought, for the event's limits.
///
/// The account of a buyer who bought nothing is dropped with the last hold in memory that refers to it. Another buyer may
/// get its index then.
struct BuyerAccounts: Sendable, Equatable {
    struct Account: Sendable, Equatable {
        var bought = 0
        /// Holds in memory that refer to this account.
        var references = 0
        /// Holds that were live when the list was last filtered.
        var holds: [HoldID] = []
        /// The list is filtered again at this length, so that its cost follows the number of live holds.
        var lookAgainAt: Int32 = 8
        /// The type of all tickets bought, by its first index.
        fileprivate(set) var boughtType: UInt16 = 0
        /// The tickets bought are of several types: ``BuyerAccounts/boughtByType`` counts them.
        fileprivate(set) var hasSeveralTypes = false
    }

    private var ids: [Buyer: BuyerAccountID] = [:]
    /// By index; `nil` if the account is free.
    private var names: [Buyer?] = []
    private var free: [BuyerAccountID] = []
    var accounts: [Account] = []
    /// By account and type, for the few buyers who bought several types.
    private var boughtByType: [Int: [UInt16: Int]] = [:]

    /// Buyers that have an account.
    var count: Int { ids.count }

    /// Adds a reference to the account of `buyer`, which is made if there is none.
    mutating func enter(_ buyer: Buyer?) -> BuyerAccountID {
        guard let buyer else { return .none }
        if let known = ids[buyer], let index = known.index {
            accounts[index].references += 1
            return known
        }
        var account = Account()
        account.references = 1
        if let id = free.popLast(), let index = id.index {
            ids[buyer] = id
            names[index] = buyer
            accounts[index] = account
            return id
        }
        let id = BuyerAccountID(index: accounts.count)
        ids[buyer] = id
        names.append(buyer)
        accounts.append(account)
        return id
    }

    /// Removes a reference: a hold that referred to the account is no longer in memory.
    mutating func leave(_ id: BuyerAccountID) {
        guard let index = id.index else { return }
        accounts[index].references -= 1
        guard accounts[index].references == 0, accounts[index].bought == 0, let name = names[index] else { return }
        ids[name] = nil
        names[index] = nil
        boughtByType[index] = nil
        accounts[index] = Account()
        free.append(id)
    }

    /// Takes a hold off an account's list, because it belongs to another buyer from now on (R40 Corrections).
    mutating func drop(_ hold: HoldID, of id: BuyerAccountID) {
        if let index = id.index { accounts[index].holds.removeAll { $0 == hold } }
    }

    /// The buyer with this account; `nil` for none.
    func name(of id: BuyerAccountID) -> Buyer? {
        id.index.flatMap { names[$0] }
    }

    func account(of buyer: Buyer) -> Account? {
        index(of: buyer).map { accounts[$0] }
    }

    func index(of buyer: Buyer) -> Int? {
        ids[buyer]?.index
    }

    /// Adds tickets that were bought, or takes them off if `quantity` is negative.
    mutating func addBought(_ quantity: Int, ofType type: UInt16, to account: Int) {
        if accounts[account].boughtType != type, !accounts[account].hasSeveralTypes {
            if accounts[account].bought == 0 {
                accounts[account].boughtType = type
            } else {
                boughtByType[account] = [accounts[account].boughtType: accounts[account].bought]
                accounts[account].hasSeveralTypes = true
            }
        }
        accounts[account].bought += quantity
        if accounts[account].hasSeveralTypes { boughtByType[account, default: [:]][type, default: 0] += quantity }
    }

    /// Tickets of one type that were bought.
    func bought(ofType type: UInt16, by account: Int) -> Int {
        guard !accounts[account].hasSeveralTypes else { return boughtByType[account]?[type] ?? 0 }
        return accounts[account].boughtType == type ? accounts[account].bought : 0
    }
}

/// The account that a hold refers to, or none. It takes 4 bytes; an optional would take 8.
struct BuyerAccountID: Sendable, Equatable {
    static let none = BuyerAccountID(number: 0)
    /// No account either: the buyer of the hold was erased (R41 Erasure).
    static let erased = BuyerAccountID(number: .max)

    /// One more than the index; 0 for none.
    private let number: UInt32

    private init(number: UInt32) {
        self.number = number
    }

    init(index: Int) {
        number = UInt32(index) + 1
    }

    /// The index of the account; `nil` for none.
    var index: Int? { number &+ 1 <= 1 ? nil : Int(number - 1) }
}

/// What each buyer of an event has, for its limits.
///
/// A buyer of whom nothing was bought is forgotten with the last hold at hand that names the account; another buyer may
/// have its index then.
struct BuyerAccounts: Sendable, Equatable {
    struct Account: Sendable, Equatable {
        var bought = 0
        /// Holds at hand that name this account.
        var references = 0
        /// Holds that were live when last looked at.
        var holds: [HoldID] = []
        /// Looked through again once there are this many, so that an account costs what is live in it.
        var lookAgainAt = 8
    }

    private var indexes: [Buyer: UInt32] = [:]
    /// `nil` where an account is free.
    private var names: [Buyer?] = []
    private var free: [UInt32] = []
    var accounts: [Account] = []

    /// Buyers that are known.
    var count: Int { indexes.count }

    /// The number of the account of `buyer`, for a hold that names it from now on: 0 for nobody, else one more than
    /// its index.
    mutating func enter(_ buyer: Buyer?) -> UInt32 {
        guard let buyer else { return 0 }
        if let known = indexes[buyer] {
            accounts[Int(known)].references += 1
            return known + 1
        }
        var account = Account()
        account.references = 1
        if let index = free.popLast() {
            indexes[buyer] = index
            names[Int(index)] = buyer
            accounts[Int(index)] = account
            return index + 1
        }
        indexes[buyer] = UInt32(accounts.count)
        names.append(buyer)
        accounts.append(account)
        return UInt32(accounts.count)
    }

    /// A hold that named the account is at hand no more.
    mutating func leave(_ number: UInt32) {
        guard number > 0 else { return }
        let index = Int(number - 1)
        accounts[index].references -= 1
        guard accounts[index].references == 0, accounts[index].bought == 0, let name = names[index] else { return }
        indexes[name] = nil
        names[index] = nil
        accounts[index] = Account()
        free.append(number - 1)
    }

    func account(of buyer: Buyer) -> Account? {
        indexes[buyer].map { accounts[Int($0)] }
    }
}

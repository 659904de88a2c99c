// Judging answers about what another seller sold (R48 Operator keys).

extension Oracle {
    /// Whether somebody else sold the hold than the shop that asks.
    func isForeign(_ account: Account, to seller: Asked.Seller?) -> Bool {
        guard let seller, seller.isShop, let known = account.seller else { return false }
        return known != seller.name
    }

    /// A request is refused because the hold was purchased. Completing is, only if another seller's sale is kept from a
    /// shop.
    mutating func judgePurchased(_ hold: String, _ was: Set<State>, _ account: Account, _ request: Ask) {
        expect(hold, was, [.purchased], request, .alreadyPurchased)
        guard isSequential, case .purchase(_, let payment, _, let seller) = request.asked else { return }
        if payment != nil || !isForeign(account, to: seller) {
            breach(.sellers, "\(request.asked) was kept from \(hold), which \(account.seller ?? "nobody") sold")
        }
    }
}

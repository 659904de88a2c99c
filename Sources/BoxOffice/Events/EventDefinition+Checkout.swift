// How buyers pay for an event's holds on the pages (R55 Checkout).

extension EventDefinition {
    /// How a hold is paid for on its page. It decides nothing about who completes: ``Completion`` does.
    public enum Checkout: Sendable, Equatable {
        /// A button that says that it is a demonstration, and charges nobody.
        case demo
        /// A button, for an event of which nothing costs anything.
        case free
        /// The address of the shop's page for payments, to which the browser goes.
        case url(String)

        /// The words that documents have for the forms without an address.
        package static let words: [(word: String, form: Checkout)] = [("demo", .demo), ("free", .free)]

        /// The address of the shop's page; `nil` if payments have none.
        public var address: String? {
            if case .url(let address) = self { address } else { nil }
        }

        /// What a browser calls the origin of an address (RFC 6454), such as `https://pay.example`; `nil` if buyers may not be
        /// sent there.
        ///
        /// Only `https` keeps what buyers carry to themselves, so `http` leads to the machine itself and nowhere else. The address
        /// has no query, because the page adds one, and no character that a header or a policy would read otherwise.
        public static func origin(of address: String) -> String? {
            guard (1...Limits.checkoutAddressLength).contains(address.utf8.count) else { return nil }
            let isSecure = address.hasPrefix("https://")
            guard isSecure || address.hasPrefix("http://") else { return nil }
            let rest = address.dropFirst(isSecure ? 8 : 7)
            let authority = rest.prefix { $0 != "/" }
            guard rest.dropFirst(authority.count).utf8.allSatisfy(isOfPath) else { return nil }
            let isSixth = authority.hasPrefix("[::1]")
            let host = isSixth ? authority.prefix(5) : authority.prefix { $0 != ":" }
            let port = authority.dropFirst(host.count)
            guard port.isEmpty || isPort(port) else { return nil }
            let isLocal = isSixth || host == "localhost" || host == "127.0.0.1"
            guard isLocal || isSecure && !host.isEmpty && host.utf8.allSatisfy(isOfHost) else { return nil }
            return String(address.prefix(address.count - rest.count + authority.count))
        }

        /// `:443`: a number of one to five digits, at most the highest port.
        private static func isPort(_ text: Substring) -> Bool {
            let digits = text.dropFirst()
            guard text.first == ":", (1...5).contains(digits.utf8.count),
                digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits)
            else { return false }
            return number > 0
        }

        private static func isOfHost(_ byte: UInt8) -> Bool {
            byte.isLetterOrDigit || ".-".utf8.contains(byte)
        }

        private static func isOfPath(_ byte: UInt8) -> Bool {
            isOfHost(byte) || "/_~%".utf8.contains(byte)
        }
    }

    /// What contradicts the checkout elsewhere in the definition.
    func mistakesOfCheckout() -> [Mistake] {
        switch checkout {
        // A token would complete what the shop's page is to be paid for, so buyers could skip paying.
        case .url where completion != .shop: [.checkoutNeedsShop]
        // The page completes with the buyer's token.
        case .demo where completion != .token: [.checkoutNeedsToken]
        case .free where completion != .token: [.checkoutNeedsToken]
        case .free where costsSomething: [.checkoutIsNotFree]
        default: []
        }
    }

    /// Whether a ticket costs something, by its type or by an access code (R46 Access codes).
    private var costsSomething: Bool {
        types.contains { $0.price > 0 } || codes.contains { ($0.price ?? 0) > 0 }
    }
}

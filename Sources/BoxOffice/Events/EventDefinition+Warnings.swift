extension EventDefinition {
    /// What is allowed, but probably a mistake.
    public var warnings: [Mistake] {
        var found: [Mistake] = []
        if !Self.currencies.contains(currency) {
            let what = "is not in ISO 4217; amounts of money will have the currency \(currency) all the same"
            found.append(Mistake("/currency", what))
        }
        if checkout == .demo {
            found.append(Mistake("/checkout", "is a demonstration: buyers get tickets and pay nothing"))
        }
        return found + warningsOfQueue
    }

    /// The codes of ISO 4217, with those for funds, metals and tests. They decide only about a warning, since the list
    /// changes.
    private static let currencies = Set(
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
        CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
        HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD \
        MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR \
        RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH \
        UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS \
        XUA XXX YER ZAR ZMW ZWG
        """.split(separator: " ").map(String.init))
}

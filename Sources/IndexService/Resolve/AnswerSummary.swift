internal import Cache
internal import DHTCore

/// What an answer says, read out of its body again, to be weighed against what is found later.
struct AnswerSummary {
    /// A provider as it is shown.
    private struct Shown {
        let address: String
        let isOfDHT: Bool

        var family: AddressFamily { address.hasPrefix("[") ? .v6 : .v4 }
    }

    let manifestID: String
    /// Of the item that proves a key name; sets of providers do not show it.
    let sequence: Int?
    let providers: Int
    /// The best of them, as many as were asked for.
    private let shown: [Shown]

    /// Nil for what cannot be read: a sequence number that is no exact double, say.
    init?(_ answer: Answer) {
        let bytes = answer.bodyBytes
        var parser = JSONParser(limits: JSONParser.Limits(bytes: bytes.count))
        guard case .object(let body)? = try? parser.parse(bytes.span),
            case .string(let manifestID)? = body["manifest_cid"] ?? body["cid"],
            case .number(let providers)? = body["providers_total"],
            case .array(let shown)? = body["providers"]
        else { return nil }
        self.manifestID = manifestID
        self.providers = providers.integer ?? 0
        self.shown = shown.compactMap { value in
            guard case .object(let provider) = value,
                case .string(let address)? = provider["addr"],
                case .string(let source)? = provider["source"]
            else { return nil }
            return Shown(address: address, isOfDHT: source == Provider.Source.dht.rawValue)
        }
        if case .object(let proof)? = body["proof"], case .number(let number)? = proof["seq"] {
            sequence = number.integer
        } else {
            sequence = nil
        }
    }

    /// Whether it has all providers at these addresses and more, of which none is known to be gone.
    ///
    /// - Parameter exhausted: families that were asked to the end: whom they did not name is gone.
    func hasMore(than found: Set<String>, asked exhausted: Set<AddressFamily>) -> Bool {
        // Those that are not shown may be any.
        let hidden = max(0, providers - shown.count)
        return providers > found.count
            && found.subtracting(shown.map(\.address)).count <= hidden
            && shown.allSatisfy { provider in
                found.contains(provider.address) || !provider.isOfDHT
                    || !exhausted.contains(provider.family)
            }
    }
}

extension IndexEntry {
    /// Whether an answer from before is untrue by now: a newer record of its key name is at hand,
    /// and leads elsewhere.
    ///
    /// Names of the index and content ids have none; their answers end with the write itself.
    func supersedes(_ answer: Answer) -> Bool {
        guard let proof, let manifestID else { return false }
        guard let said = AnswerSummary(answer) else { return true }
        if said.manifestID == manifestID.description { return false }
        return said.isFrom(proof.sequence)
    }
}

extension AnswerSummary {
    /// Whether it was made from the item of a key that has this number, or from an older one.
    func isFrom(_ newest: Int64) -> Bool {
        // Of all items ever seen the newest is at hand, unless it has been forgotten.
        sequence.map { $0 <= newest } ?? true
    }
}

extension Answer {
    /// Whether this answer is worth more to everybody than what has been found without asking all.
    ///
    /// - Parameters:
    ///   - addresses: of the providers that an answer made now would have.
    ///   - isEarly: whether it is the first that was found, which says nothing of others.
    ///     A lookup that was cut short says what is gone, and any life ends once.
    func outweighs(
        _ found: Discovered,
        showing addresses: Set<String>,
        isEarly: Bool,
        at now: MonotonicInstant
    ) -> Bool {
        switch found.verdict {
        case .absent: return isEarly && !isProvisional
        case .unknown: return true
        case .found:
            guard let said = AnswerSummary(self) else { return false }
            if isEarly { return coverage == .full || said.providers > addresses.count }
            return now < freshUntil && said.hasMore(than: addresses, asked: found.exhausted)
        }
    }
}

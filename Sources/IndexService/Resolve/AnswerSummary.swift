/// What an answer says, read out of its body again, to be weighed against what is found later.
struct AnswerSummary {
    let manifestID: String
    /// Of the item that proves a key name; sets of providers do not show it.
    let sequence: Int?
    let providers: Int

    /// Nil for what cannot be read: a sequence number that is no exact double, say.
    init?(_ answer: Answer) {
        let bytes = answer.bodyBytes
        var parser = JSONParser(limits: JSONParser.Limits(bytes: bytes.count))
        guard case .object(let body)? = try? parser.parse(bytes.span),
            case .string(let manifestID)? = body["manifest_cid"] ?? body["cid"],
            case .number(let providers)? = body["providers_total"]
        else { return nil }
        self.manifestID = manifestID
        self.providers = providers.integer ?? 0
        if case .object(let proof)? = body["proof"], case .number(let number)? = proof["seq"] {
            sequence = number.integer
        } else {
            sequence = nil
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
        // Of all items ever seen the newest is at hand, unless it has been forgotten.
        return said.sequence.map { $0 <= proof.sequence } ?? true
    }
}

extension Answer {
    /// Whether this answer is worth more than what a lookup has found that was cut short.
    func outweighs(_ entry: IndexEntry, _ found: Discovered) -> Bool {
        guard !entry.supersedes(self) else { return false }
        switch found.verdict {
        case .absent: return false
        case .unknown: return true
        case .found:
            let known = AnswerSummary(self)?.providers ?? 0
            return known > entry.providers.count + found.providers.count
        }
    }
}

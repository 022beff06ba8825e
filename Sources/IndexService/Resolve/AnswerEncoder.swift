internal import BLAKE3
internal import Cache

/// Turns what is known into the bytes of an answer and their entity tag (contract, section 3.2).
struct AnswerEncoder: Sendable {
    /// The facts of one answer.
    struct Facts {
        var query: AnswerQuery
        var manifestID: ContentID
        var manifest: ManifestSummary?
        /// Ranked, all of them; the encoder takes the first `query.limit`.
        var providers: [ProviderRanking.Ranked]
        /// False when a lookup ended by its deadline before it had asked all it wanted to ask.
        var complete: Bool
        /// The answer's life in seconds.
        var ttl: Int
        /// The lookup in the DHT that found the providers; nil when there was none.
        var lookup: LookupSummary?
        /// What proves where a key name points, so that a caller need not trust us.
        var proof: KeyNameRecord.Proof?
    }

    func encode(
        _ facts: Facts,
        madeAt now: MonotonicInstant,
        staleFor stale: Int = 0,
        coverage: Answer.Coverage = .full,
        subjects: SubjectStamps
    ) -> Answer {
        let bytes =
            switch facts.query.document {
            case .resolution: resolution(facts)
            case .providers: providerSet(facts)
            }
        return Answer(
            to: facts.query,
            body: bytes,
            madeAt: now,
            freshUntil: now.advanced(bySeconds: facts.ttl),
            staleUntil: now.advanced(bySeconds: facts.ttl + stale),
            coverage: coverage,
            subjects: subjects
        )
    }

    /// The strong entity tag of bytes with this content id.
    static func entityTag(of id: ContentID) -> String {
        "\"\(id)\""
    }

    private func resolution(_ facts: Facts) -> [UInt8] {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.field("key", facts.query.key.description)
        json.field("kind", facts.query.key.kind.rawValue)
        json.field("manifest_cid", facts.manifestID.description)
        json.key("manifest")
        if let manifest = facts.manifest {
            json.beginObject()
            json.field("size", manifest.size)
            json.field("media_type", manifest.mediaType.description)
            json.field("held", true)
            json.endObject()
        } else {
            json.null()
        }
        append(facts, to: &json)
        if let proof = facts.proof {
            json.key("proof")
            proof.write(to: &json)
        }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private func providerSet(_ facts: Facts) -> [UInt8] {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.field("cid", facts.manifestID.description)
        append(facts, to: &json)
        if let lookup = facts.lookup { append(lookup, to: &json) }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }

    private func append(_ facts: Facts, to json: inout JSONWriter) {
        json.key("providers")
        json.beginArray()
        for ranked in facts.providers.prefix(facts.query.limit) { append(ranked, to: &json) }
        json.endArray()
        json.field("providers_total", facts.providers.count)
        json.field("complete", facts.complete)
        json.field("ttl_s", facts.ttl)
    }

    private func append(_ lookup: LookupSummary, to json: inout JSONWriter) {
        json.key("lookup")
        json.beginObject()
        json.field("hops", lookup.hops)
        json.field("queried", lookup.queried)
        json.field("responded", lookup.responded)
        json.field("hedged", lookup.hedged)
        json.field("winner", lookup.winner.rawValue)
        json.field("elapsed_ms", lookup.elapsedMilliseconds)
        json.endObject()
    }

    private func append(_ ranked: ProviderRanking.Ranked, to json: inout JSONWriter) {
        let provider = ranked.provider
        json.beginObject()
        json.field("id", provider.id.description)
        json.field("addr", provider.address.description)
        json.key("region")
        if let region = provider.region { json.string(region.description) } else { json.null() }
        json.field("class", ranked.class.rawValue)
        json.key("score")
        json.double(ranked.score, significantDigits: 3)
        json.field("last_seen", provider.lastSeen.description)
        json.field("source", provider.source.rawValue)
        json.field("signed", false)
        json.endObject()
    }
}

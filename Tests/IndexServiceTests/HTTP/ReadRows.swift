@testable import IndexService

// The contract's reads: /resolve, /providers, /manifests (sections 2 and 3.1 to 3.3).

private let manifestID = SampleIndex.manifestID

extension ContractRow {
    static let resolving: [ContractRow] = [
        .answered(
            "/resolve/libc6",
            headers: ["Content-Type": .equal("application/json"), "Age": .number(0...5)],
            fields: [
                "key": "name:libc6", "kind": "name", "manifest_cid": manifestID,
                "manifest.size": "\(SampleIndex.manifest.count)", "manifest.held": "true",
                "manifest.media_type": "application/json", "providers#": "5",
                "providers_total": "7", "complete": "true", "ttl_s": "300",
                "providers.0.source": "index", "providers.0.signed": "false",
            ]
        ),
        .answered("/resolve/LibC6", fields: ["key": "name:libc6"]),
        .answered("/resolve/name:libc6", fields: ["key": "name:libc6"]),
        .answered("/resolve/name%3AlIBC6", fields: ["key": "name:libc6"]),
        .answered("/resolve/%6c%69%62c6", fields: ["key": "name:libc6"]),
        .answered("/resolve/a.b-c_d+e", fields: ["key": "name:a.b-c_d+e"]),
        .answered("/resolve/a.b-c_d%2Be", fields: ["key": "name:a.b-c_d+e"]),
        .answered(
            "/resolve/\(manifestID)",
            fields: ["key": manifestID, "kind": "cid", "manifest_cid": manifestID]
        ),
        .answered("/resolve/b3%3a\(manifestID.dropFirst(3))", fields: ["kind": "cid"]),
        .answered(
            "/resolve/unheld",
            fields: ["manifest": "null", "providers#": "0", "providers_total": "0"]
        ),
        .answered(
            "/resolve/\(SampleIndex.providedID)",
            fields: ["manifest": "null", "providers#": "1", "providers.0.id": "only"]
        ),
        .answered("/resolve/libc6?limit=0", fields: ["providers#": "0", "providers_total": "7"]),
        .answered("/resolve/libc6?limit=1", fields: ["providers#": "1"]),
        .answered("/resolve/libc6?limit=%37", fields: ["providers#": "7"]),
        .answered("/resolve/libc6?limit=32", fields: ["providers#": "7"]),
        .answered("/resolve/libc6?limit=33", fields: ["providers#": "7"]),
        .answered("/resolve/libc6?limit=99999999999999999999999", fields: ["providers#": "7"]),
        .answered("/resolve/libc6?limit=00000000000000000000002", fields: ["providers#": "2"]),
        .answered("/resolve/libc6?", fields: ["providers#": "5"]),
        .answered("/resolve/libc6?&&", fields: ["providers#": "5"]),
        .answered("/resolve/libc6?unknown=%zz&LIMIT=x&limit=2", fields: ["providers#": "2"]),
        .answered("/resolve/libc6?fresh=false", fields: ["providers#": "5"]),
        .answered(
            "/resolve/libc6?region=eu-west-1&limit=3",
            fields: [
                "providers.0.class": "region_match", "providers.1.class": "region_match",
                "providers.2.region": "eu-north-1",
            ]
        ),
        .answered("/resolve/libc6?fresh=true", cache: .bypassed, fields: ["kind": "name"]),
        .answered("/resolve/libc6?limit=1&fresh=true", cache: .bypassed),
    ]

    static let providing: [ContractRow] = [
        .answered(
            "/providers/\(manifestID)",
            fields: [
                "cid": manifestID, "providers#": "5", "providers_total": "7", "complete": "true",
                "ttl_s": "300",
            ]
        ),
        .answered("/providers/\(manifestID)?limit=1", fields: ["providers#": "1"]),
        .answered("/providers/\(manifestID)?limit=1000", fields: ["providers#": "7"]),
        .answered("/providers/\(manifestID)?min_freshness=600", fields: ["providers#": "5"]),
        .answered(
            "/providers/\(manifestID)?region=us-east-1",
            fields: ["providers.0.region": "us-east-1"]
        ),
        .answered("/providers/\(SampleIndex.providedID)", fields: ["providers.0.id": "only"]),
        .answered("/providers/b3%3A\(manifestID.dropFirst(3))", fields: ["cid": manifestID]),
        .refused("limit 0 of providers", WireRequest("GET", "/providers/\(manifestID)?limit=0")),
        .refused(
            "freshness that is no number",
            WireRequest("GET", "/providers/\(manifestID)?min_freshness=1h"),
            says: "min_freshness"
        ),
        .refused("a name has no providers of its own", WireRequest("GET", "/providers/libc6")),
        .absent("nothing is known of the cid", "/providers/\(SampleIndex.unknownID)"),
    ]

    static let manifests: [ContractRow] = [
        .answered(
            "/manifests/\(manifestID)",
            cache: .none,
            headers: [
                "Content-Type": .equal("application/json"), "ETag": .equal("\"\(manifestID)\""),
                "Cache-Control": .equal("public, max-age=31536000, immutable"),
                "X-Content-Type-Options": .equal("nosniff"),
            ],
            fields: ["package": "libc6"]
        ),
        .refused(
            "bytes not held",
            WireRequest("GET", "/manifests/\(SampleIndex.providedID)"),
            404,
            "not_found"
        ),
        .refused("a manifest by name", WireRequest("GET", "/manifests/libc6"), says: "b3:"),
    ]

    static let absentKeys: [ContractRow] = [
        .absent("unknown name", "/resolve/unknown"),
        .absent("unknown name of 253 bytes", "/resolve/\(SampleIndex.longestName)"),
        .absent("unknown cid", "/resolve/\(SampleIndex.unknownID)"),
        .absent("a cid that is only pointed at", "/resolve/\(SampleIndex.unheldID)"),
        .refused(
            "a key name could not be looked up",
            WireRequest("GET", "/resolve/\(SampleIndex.keyName)"),
            503,
            "upstream_unready",
            says: "DHT",
            headers: ["Retry-After": .number(1...60)]
        ),
    ]

    /// Each rule of keys and parameters, broken once; the detail says which.
    static let malformedKeys: [ContractRow] = [
        ("", "empty"),
        ("name:", "empty"),
        (String(repeating: "a", count: 254), "254 bytes"),
        (".a", "empty label"),
        ("a.", "empty label"),
        ("a..b", "empty label"),
        ("-a", "begins with '-'"),
        ("a._b", "begins with '_'"),
        ("a%20b", "byte 0x20"),
        ("a%2Fb", "'/'"),
        ("a%00b", "byte 0x00"),
        ("a%0d%0aX-Injected:%20yes", "byte 0x0d"),
        ("%C3%A9", "byte 0xc3"),
        ("a%FFb", "byte 0xff"),
        ("a*", "'*'"),
        ("a%25b", "'%'"),
        ("a%", "two hex digits"),
        ("a%4", "two hex digits"),
        ("a%zz", "two hex digits"),
        ("%2525", "'%'"),
        ("..", "empty label"),
        ("name:name:a", "':'"),
        ("B3:\(manifestID.dropFirst(3))", "':'"),
        ("b3:", "64 hex digits"),
        ("b3:\(manifestID.dropFirst(4))", "64 hex digits"),
        ("\(manifestID)0", "64 hex digits"),
        ("b3:\(String(repeating: "A", count: 64))", "0-9 and a-f"),
        ("b3:\(String(repeating: "g", count: 64))", "0-9 and a-f"),
    ].map { key, rule in
        .refused("key \(key)", WireRequest("GET", "/resolve/\(key)"), says: rule)
    }

    static let malformedParameters: [ContractRow] = [
        "limit=-1", "limit=", "limit", "limit=1.5", "limit=+1", "limit=0x1", "limit=1&limit=1",
        "limit=%zz", "limit=%C3%A9", "region=", "region=EU", "region=eu_west", "region=a&region=a",
        "region=\(String(repeating: "a", count: 65))", "fresh=yes", "fresh=1", "fresh",
        "fresh=TRUE",
        "fresh=true&fresh=true",
    ].map { query in
        let parameter = String(query.prefix { $0 != "=" && $0 != "&" })
        return .refused(
            "parameter \(query)",
            WireRequest("GET", "/resolve/libc6?\(query)"),
            says: parameter
        )
    }
}

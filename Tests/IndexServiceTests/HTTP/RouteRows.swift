@testable import IndexService

// Routes, methods, and the admin and ops answers (contract, sections 3.1, 3.4 and 3.5).

private let manifestID = SampleIndex.manifestID

extension ContractRow {
    static let ops: [ContractRow] = [
        .answered(
            "/healthz",
            cache: .none,
            headers: ["Cache-Control": .equal("no-store")],
            fields: ["status": "ok"]
        ),
        .answered(
            "/readyz",
            cache: .none,
            headers: ["Cache-Control": .equal("no-store"), "Retry-After": .absent],
            fields: [
                "ready": "true", "missing#": "0", "degraded": "false", "checks.db_open": "ok",
                "checks.config_loaded": "ok", "checks.listeners_bound": "ok",
                "checks.dht_client_ready": "disabled", "checks.bus_attached": "ok",
            ]
        ),
        .answered(
            "/version",
            cache: .none,
            fields: ["name": "svc-index", "version": BuildInformation.current.version]
        ),
    ]

    static let unknownPaths: [ContractRow] = [
        "/", "/resolve", "/resolve/libc6/", "/resolve/a/b", "//resolve/libc6", "/nope",
        "/Resolve/libc6", "/%72esolve/libc6", "/admin", "/admin/", "/admin/nope", "/admin/purge/x",
        "/admin/import/x",
        "/admin/manifests", "/admin/names/a/b", "/healthz/", "/metrics/x", "/favicon.ico", "*",
        "/../healthz", "/.", "/resolve/../healthz", "http://index.example",
        "http://index.example?x=/healthz", "ftp://index.example/healthz",
    ].map { target in
        let method = target == "*" ? "OPTIONS" : "GET"
        return .refused("path \(target)", WireRequest(method, target), 404, "not_found")
    }

    static let otherMethods: [ContractRow] = routes.flatMap { path, allowed in
        ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]
            .filter { !allowed.contains($0) }
            .map { method in
                .refused(
                    "\(method) \(path)",
                    WireRequest.admin(method, path),
                    405,
                    "method_not_allowed",
                    headers: ["Allow": .equal(allowed.joined(separator: ", "))]
                )
            }
    }

    private static let routes: [(String, [String])] = [
        ("/resolve/libc6", ["GET", "HEAD"]), ("/providers/x", ["GET", "HEAD"]),
        ("/manifests/x", ["GET", "HEAD"]), ("/admin/names/x", ["PUT", "DELETE"]),
        ("/admin/names", ["GET", "HEAD"]), ("/admin/manifests/x", ["PUT"]),
        ("/admin/providers/x", ["PUT", "DELETE"]), ("/admin/reindex", ["POST"]),
        ("/admin/pin", ["POST"]), ("/admin/unpin", ["POST"]), ("/admin/purge", ["POST"]),
        ("/admin/import", ["POST"]),
        ("/healthz", ["GET", "HEAD"]), ("/readyz", ["GET", "HEAD"]),
        ("/version", ["GET", "HEAD"]), ("/metrics", ["GET", "HEAD"]),
    ]

    /// Every admin route, with a request that would succeed were it allowed.
    static let adminRequests: [WireRequest] = [
        SampleIndex.name("libc6", manifestID),
        .admin("DELETE", "/admin/names/libc6"),
        .admin("GET", "/admin/names"),
        SampleIndex.requests[0],
        SampleIndex.provider("p0", of: manifestID, region: nil),
        .admin("DELETE", "/admin/providers/\(manifestID)?id=p0"),
        .admin("POST", "/admin/reindex", json: #"{"keys":["libc6"]}"#),
        .admin("POST", "/admin/pin", json: #"{"keys":["libc6"]}"#),
        .admin("POST", "/admin/unpin", json: #"{"keys":["libc6"]}"#),
        SampleIndex.purge(["libc6"]),
        SampleIndex.lines(#"{"name":"libc6","manifest":1}"#),
    ]

    static let adminAnswers: [ContractRow] = [
        ContractRow(
            name: "all names",
            request: .admin("GET", "/admin/names"),
            headers: ["Cache-Control": .equal("no-store")],
            fields: [
                "names#": "3", "names.0.name": "a.b-c_d+e", "names.1.name": "libc6",
                "names.1.manifest_cid": manifestID, "names.1.version": "1", "next": "null",
            ]
        ),
        ContractRow(
            name: "first page",
            request: .admin("GET", "/admin/names?limit=2"),
            fields: ["names#": "2", "next": "libc6"]
        ),
        ContractRow(
            name: "second page",
            request: .admin("GET", "/admin/names?limit=2&after=libc6"),
            fields: ["names#": "1", "names.0.name": "unheld", "next": "null"]
        ),
        ContractRow(
            name: "names by prefix",
            request: .admin("GET", "/admin/names?prefix=LIB"),
            fields: ["names#": "1", "names.0.name": "libc6"]
        ),
        ContractRow(
            name: "a page is clamped",
            request: .admin("GET", "/admin/names?limit=100000"),
            fields: ["names#": "3"]
        ),
        .refused("limit of a page", .admin("GET", "/admin/names?limit=0"), says: "limit"),
        .refused("prefix of a page", .admin("GET", "/admin/names?prefix=a%20b"), says: "prefix"),
        .refused("cursor of a page", .admin("GET", "/admin/names?after=%C3%A9"), says: "after"),
        .refused(
            "a name that is a cid",
            SampleIndex.name(manifestID, manifestID),
            says: "content id"
        ),
        .refused(
            "a key name is never put",
            SampleIndex.name(SampleIndex.keyName, manifestID),
            says: "public key"
        ),
        .refused("a malformed name", SampleIndex.name("a..b", manifestID), says: "empty label"),
        .refused(
            "no such name to remove",
            .admin("DELETE", "/admin/names/unknown"),
            404,
            "not_found"
        ),
        .refused(
            "no such provider to remove",
            .admin("DELETE", "/admin/providers/\(manifestID)?id=nobody"),
            404,
            "not_found"
        ),
        .refused(
            "bytes that are not the cid",
            SampleIndex.put("/admin/manifests/\(SampleIndex.unheldID)", [0x7b], type: "text/plain"),
            409,
            "conflict",
            says: "BLAKE3"
        ),
        .refused(
            "a media type that is none",
            SampleIndex.put("/admin/manifests/\(manifestID)", SampleIndex.manifest, type: "json"),
            415,
            "unsupported_type"
        ),
        .refused(
            "a manifest under a name",
            SampleIndex.put("/admin/manifests/libc6", SampleIndex.manifest, type: "text/plain")
        ),
    ]

    /// Bodies that are refused, each with the words that say why.
    static let refusedBodies: [ContractRow] =
        [
            ("PUT", "/admin/names/x", "", "byte 0"),
            ("PUT", "/admin/names/x", "{", "byte 1"),
            ("PUT", "/admin/names/x", "[]", "JSON object"),
            ("PUT", "/admin/names/x", "{}", "manifest_cid"),
            ("PUT", "/admin/names/x", #"{"manifest_cid":"libc6"}"#, "b3:"),
            ("PUT", "/admin/names/x", #"{"manifest_cid":3}"#, "manifest_cid"),
            (
                "PUT", "/admin/names/x", "{\"manifest_cid\":\"\(manifestID)\",\"x\":1}",
                "unknown field"
            ),
            ("PUT", "/admin/names/x", "{\"manifest_cid\":\"\(manifestID)\",\"ttl_s\":0}", "ttl_s"),
            (
                "PUT", "/admin/names/x",
                "{\"manifest_cid\":\"\(manifestID)\",\"expected_version\":-1}", "expected_version"
            ),
            (
                "PUT", "/admin/names/x",
                "{\"manifest_cid\":\"\(manifestID)\",\"manifest_cid\":\"\(manifestID)\"}", "twice"
            ),
            ("DELETE", "/admin/names/libc6", #"{"nope":1}"#, "unknown field"),
            ("DELETE", "/admin/names/libc6", "not json", "at byte"),
            ("PUT", "/admin/providers/\(manifestID)", #"{"id":"p"}"#, "addr"),
            ("PUT", "/admin/providers/\(manifestID)", #"{"addr":"a:1"}"#, "id"),
            ("PUT", "/admin/providers/\(manifestID)", #"{"id":"p","addr":"nohost"}"#, "port"),
            (
                "PUT", "/admin/providers/\(manifestID)",
                #"{"id":"p","addr":"http://user:pw@h/"}"#, "credentials"
            ),
            (
                "PUT", "/admin/providers/\(manifestID)",
                #"{"id":"p","addr":"h:1","score":1}"#, "unknown field"
            ),
            ("PUT", "/admin/providers/libc6", #"{"id":"p","addr":"h:1"}"#, "b3:"),
            ("DELETE", "/admin/providers/\(manifestID)", "{}", "id"),
            ("POST", "/admin/purge", #"{"keys":[]}"#, "keys"),
            ("POST", "/admin/purge", #"{"keys":["a..b"]}"#, "empty label"),
            ("POST", "/admin/purge", #"{"keys":"libc6"}"#, "keys"),
            ("POST", "/admin/pin", #"{"keys":["libc6"],"ttl":1}"#, "unknown field"),
        ].map { (method: String, target: String, body: String, words: String) in
            .refused("\(method) \(body)", .admin(method, target, json: body), says: words)
        }
}

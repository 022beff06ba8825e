@testable import IndexService

/// What the services of these tests hold: a few names, manifests and providers, put in over HTTP.
enum SampleIndex {
    static let manifest = Array(#"{"package":"libc6","version":"2.36-9"}"#.utf8)
    static let manifestID = ContentID(of: manifest).description
    /// Pointed at by the name `unheld`; nothing else is known of it.
    static let unheldID = ContentID(of: Array("unheld".utf8)).description
    /// Has one provider, and its bytes are not held.
    static let providedID = ContentID(of: Array("provided".utf8)).description
    static let unknownID = ContentID(of: Array("unknown".utf8)).description
    /// A name whose last label is an Ed25519 public key.
    static let keyName = "blog." + String(repeating: "y", count: 52)

    static let regions = ["eu-west-1", "eu-west-1", "eu-north-1", "us-east-1", nil, nil, "ap-1"]

    static let requests: [WireRequest] =
        [
            put("/admin/manifests/\(manifestID)", manifest, type: "application/json"),
            name("libc6", manifestID),
            name("unheld", unheldID),
            name("a.b-c_d+e", manifestID),
            provider("only", of: providedID, region: nil),
        ]
        + regions.enumerated().map { provider("p\($0.offset)", of: manifestID, region: $0.element) }

    /// Puts it all into `service`; throws when one is not created.
    static func fill(_ service: RunningService) async throws {
        let answers = try await service.ask(requests)
        for (request, answer) in zip(requests, answers) where answer.status != 201 {
            throw RawConnection.Failure.malformed("\(request.target): \(answer.text)")
        }
    }

    static func put(_ target: String, _ body: [UInt8], type: String) -> WireRequest {
        WireRequest.admin("PUT", target, headers: [("Content-Type", type)]).body(body)
    }

    static func name(_ name: String, _ id: String, more: String = "") -> WireRequest {
        .admin("PUT", "/admin/names/\(name)", json: #"{"manifest_cid":"\#(id)"\#(more)}"#)
    }

    static func provider(_ provider: String, of id: String, region: String?) -> WireRequest {
        let region = region.map { #","region":"\#($0)""# } ?? ""
        return .admin(
            "PUT",
            "/admin/providers/\(id)",
            json: #"{"id":"\#(provider)","addr":"http://\#(provider).example:8080"\#(region)}"#
        )
    }

    /// Import lines, as they are sent.
    static func lines(_ lines: String..., type: String = "application/x-ndjson") -> WireRequest {
        put("/admin/import", Array(lines.joined(separator: "\n").utf8), type: type).method("POST")
    }

    static func purge(_ keys: [String]) -> WireRequest {
        let list = keys.map { "\"\($0)\"" }.joined(separator: ",")
        return .admin("POST", "/admin/purge", json: #"{"keys":[\#(list)]}"#)
    }

    /// Ends every cached answer about the sample.
    static let purgeAll = purge([
        manifestID, unheldID, providedID, unknownID, "libc6", "unheld", "a.b-c_d+e", "unknown",
        longestName,
    ])

    /// 253 bytes, the longest name there can be.
    static let longestName = String(repeating: "a", count: 253)
}

internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

// GET /manifests/{cid} and PUT /admin/manifests/{cid}.

extension IndexResponder {
    func manifest(_ segment: String, _ request: Request) async throws(Problem) -> Response {
        let id = try Question.parseContentID(segment)
        guard let manifest = try await read({ try $0.manifest(id) }) else {
            throw Problem(.notFound, "the bytes of this content id are not held here")
        }
        let entityTag = AnswerEncoder.entityTag(of: id)
        var headers: HTTPFields = [
            .eTag: entityTag,
            // The bytes of a content id can never change: a year is as long as caches look ahead.
            .cacheControl: "public, max-age=31536000, immutable",
        ]
        let tags = request.headers[values: .ifNoneMatch].joined(separator: ",")
        if !tags.isEmpty, EntityTagList.matches(tags, entityTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = manifest.mediaType.description
        // Whoever may store a manifest chooses its type; no browser is to guess a livelier one.
        headers[.contentTypeOptions] = "nosniff"
        let body = ResponseBody(byteBuffer: ByteBuffer(bytes: manifest.bytes))
        return Response(status: .ok, headers: headers, body: body)
    }

    func storeManifest(_ segment: String, _ request: Request) async throws(Problem) -> Response {
        let id = try Question.parseContentID(segment)
        let mediaType = try parseMediaType(request.headers[.contentType])
        let bytes = try await limits.bytes(of: request)
        guard let manifest = Manifest(verifying: bytes, as: id, mediaType: mediaType) else {
            throw Problem(
                .conflict,
                "the body's BLAKE3 is \(ContentID(of: bytes)), not the content id in the path"
            )
        }
        try await write(invalidating: [.contentID(id)]) { try $0.putManifest(manifest) }
        return Response(status: .created) { json in
            json.field("cid", id.description)
            json.field("size", manifest.bytes.count)
            json.field("media_type", mediaType.description)
        }
    }

    private func parseMediaType(_ header: String?) throws(Problem) -> MediaType {
        guard let header else { return .octets }
        do {
            return try MediaType(parsing: header)
        } catch {
            throw Problem(.unsupportedType, "Content-Type: \(error)")
        }
    }
}

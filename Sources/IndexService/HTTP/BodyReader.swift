internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Reads request bodies within their caps, and out of their content coding.
struct BodyReader: Sendable {
    /// The most bytes of a body, as sent and as inflated.
    var maximumBytes = 1 << 20
    /// How many times its size a body may inflate to.
    var maximumRatio = 10

    func bytes(of request: Request) async throws(Problem) -> [UInt8] {
        guard let coding = ContentCoding(header: request.headers[.contentEncoding]) else {
            throw Problem(.unsupportedType, "Content-Encoding must be gzip, deflate or identity")
        }
        let body: [UInt8]
        do {
            body = Array(buffer: try await request.body.collect(upTo: maximumBytes))
        } catch {
            throw Problem(.bodyCap, "the body is over \(maximumBytes) bytes, or was cut off")
        }
        do throws(InflateError) {
            return try Inflate.inflate(
                body,
                coding: coding,
                maximumBytes: maximumBytes,
                maximumRatio: maximumRatio
            )
        } catch {
            throw Problem(error)
        }
    }

    /// The fields of a JSON body; fields that are not in `fields` are refused by name.
    func object(
        of request: Request,
        fields: [StaticString]
    ) async throws(Problem) -> JSONObjectReader {
        try parse(try await bytes(of: request), of: request, fields: fields)
    }

    /// The fields of a JSON body that may be left out; nil when it is.
    func objectIfAny(
        of request: Request,
        fields: [StaticString]
    ) async throws(Problem) -> JSONObjectReader? {
        let bytes = try await bytes(of: request)
        return bytes.isEmpty ? nil : try parse(bytes, of: request, fields: fields)
    }

    private func parse(
        _ bytes: [UInt8],
        of request: Request,
        fields: [StaticString]
    ) throws(Problem) -> JSONObjectReader {
        if let type = request.headers[.contentType], !Self.isJSON(type) {
            throw Problem(
                .unsupportedType,
                "send the body as JSON, with the header Content-Type: application/json"
            )
        }
        do throws(JSONError) {
            var parser = JSONParser(limits: JSONParser.Limits(bytes: maximumBytes))
            return try JSONObjectReader(try parser.parse(bytes.span), fields: fields)
        } catch {
            throw Problem(error)
        }
    }

    private static func isJSON(_ contentType: String) -> Bool {
        let essence = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        return essence == "application/json" || essence.hasSuffix("+json")
    }
}

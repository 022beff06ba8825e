internal import Foundation
internal import FoundationNetworking
internal import IndexService

/// Talks to a running service over HTTP, for the commands that take `--url`.
struct ServiceClient: Sendable {
    static let defaultURL = "http://127.0.0.1:5304"
    /// Tries of one request before it is given up, while the service says that it is busy.
    private static let maximumTries = 6

    struct Response: Sendable {
        let status: Int
        let body: [UInt8]
        let retryAfter: Int?
    }

    private let base: URL
    private let token: String?
    private let session: URLSession

    init(url: String, tokenFile: String? = nil) throws {
        guard let base = URL(string: url), let scheme = base.scheme, base.host != nil,
            ["http", "https"].contains(scheme)
        else {
            throw Failure(.usage, "--url must be such as \(Self.defaultURL), not \(url)")
        }
        self.base = base
        token = try tokenFile.map(Self.readToken)
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 15
        configuration.httpMaximumConnectionsPerHost = 4
        session = URLSession(configuration: configuration)
    }

    /// Sends one request; waits and tries again while the service is over capacity or not ready.
    func send(
        _ method: String,
        _ path: String,
        body: [UInt8]? = nil,
        contentType: String = "application/json"
    ) async throws -> Response {
        guard let url = URL(string: base.absoluteString.trimmingSuffix("/") + path) else {
            throw Failure(.usage, "the path \(path) makes no URL")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        if let body {
            request.httpBody = Data(body)
            request.setValue(contentType, forHTTPHeaderField: "Content-Type")
        }
        for attempt in 1... {
            let response = try await perform(request)
            let isBusy = response.status == 429 || response.status == 503
            guard isBusy, body != nil, attempt < Self.maximumTries else { return response }
            try await Task.sleep(for: .seconds(response.retryAfter ?? attempt))
        }
        throw Failure(.unavailable, "the service at \(base) stays busy")
    }

    /// A value as it stands in a query: nothing in it ends the value or begins another.
    static func encoded(_ value: String) -> String {
        let allowed = CharacterSet.urlQueryAllowed.subtracting(CharacterSet(charactersIn: "&+=;"))
        return value.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }

    private func perform(_ request: URLRequest) async throws -> Response {
        do {
            let (data, response) = try await session.data(for: request)
            guard let response = response as? HTTPURLResponse else {
                throw Failure(.failed, "the answer of \(base) is no HTTP")
            }
            return Response(
                status: response.statusCode,
                body: [UInt8](data),
                retryAfter: response.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) }
            )
        } catch let error as URLError {
            throw Failure(
                .unavailable,
                "no service answers at \(base) (\(error.localizedDescription)); start one with "
                    + "'svc-index serve', or give --url"
            )
        }
    }

    private static func readToken(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.usage, "--auth-token-file \(path) cannot be read")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension ServiceClient {
    /// Stores a batch of import entries, four at a time; an entry's name comes last, so that it
    /// never points at what was not acknowledged.
    func store(_ batch: [Importer.NumberedEntry]) async throws -> [ImportRefusal] {
        try await withThrowingTaskGroup(of: ImportRefusal?.self) { group in
            var refusals: [ImportRefusal] = []
            var remaining = batch[...]
            for numbered in remaining.prefix(4) { group.addTask { try await store(numbered) } }
            remaining = remaining.dropFirst(4)
            while let refusal = try await group.next() {
                if let refusal { refusals.append(refusal) }
                if let next = remaining.popFirst() {
                    group.addTask { try await store(next) }
                }
            }
            return refusals.sorted { $0.line < $1.line }
        }
    }

    private func store(_ numbered: Importer.NumberedEntry) async throws -> ImportRefusal? {
        for step in Self.requests(for: numbered.entry) {
            let response = try await send(
                "PUT",
                step.path,
                body: step.body,
                contentType: step.contentType
            )
            if let message = try Self.refusal(in: response) {
                return ImportRefusal(line: numbered.line, reason: message)
            }
        }
        return nil
    }

    private struct Step {
        let path: String
        let body: [UInt8]
        var contentType = "application/json"
    }

    private static func requests(for entry: ImportEntry) -> [Step] {
        var steps: [Step] = []
        if let manifest = entry.manifest {
            steps.append(
                Step(
                    path: "/admin/manifests/\(manifest.id)",
                    body: manifest.bytes,
                    contentType: manifest.mediaType.description
                )
            )
        }
        for provider in entry.providers {
            steps.append(
                Step(
                    path: "/admin/providers/\(entry.manifestID)",
                    body: json { json in
                        json.field("id", provider.id.description)
                        json.field("addr", provider.address.description)
                        if let region = provider.region {
                            json.field("region", region.description)
                        }
                    }
                )
            )
        }
        let name = json { json in
            json.field("manifest_cid", entry.manifestID.description)
            if let ttl = entry.ttl { json.field("ttl_s", ttl) }
        }
        return steps + [Step(path: "/admin/names/\(entry.name)", body: name)]
    }

    private static func json(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        build(&json)
        json.endObject()
        return json.bytes
    }

    /// Why one entry was refused; nil when it was stored.
    ///
    /// Throws where no entry would fare better.
    private static func refusal(in response: Response) throws -> String? {
        switch response.status {
        case 200..<300: return nil
        case 400, 409, 413, 415: return ProblemText.detail(of: response.body)
        default:
            throw Failure(
                response.status == 503 ? .unavailable : .failed,
                "the service refuses: \(ProblemText.detail(of: response.body))"
            )
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

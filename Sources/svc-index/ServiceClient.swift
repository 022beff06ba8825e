internal import Foundation
internal import FoundationNetworking
internal import IndexService

/// Talks to a running service over HTTP, for the commands that take `--url`.
struct ServiceClient: Sendable {
    static let defaultURL = "http://127.0.0.1:5304"
    /// How long one request is tried again, in seconds, while the service asks to come back later.
    ///
    /// What is busy for longer is told to whoever waits for the command.
    private static let patience = 3

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
        configuration.httpMaximumConnectionsPerHost = 1
        session = URLSession(configuration: configuration)
    }

    /// Sends one request.
    ///
    /// One with a body is tried again while the service is over capacity or not ready and says when
    /// to come back (`Retry-After`), for as long as `patience` lasts.
    ///
    /// - Parameter timeout: seconds without a word of the service until it counts as absent.
    func send(
        _ method: String,
        _ path: String,
        body: [UInt8]? = nil,
        contentType: String = "application/json",
        timeout: Double = 15
    ) async throws -> Response {
        guard let url = URL(string: base.absoluteString.trimmingSuffix("/") + path) else {
            throw Failure(.usage, "the path \(path) makes no URL")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.timeoutInterval = timeout
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        if let body {
            request.httpBody = Data(body)
            request.setValue(contentType, forHTTPHeaderField: "Content-Type")
        }
        var left = Self.patience
        while true {
            let response = try await perform(request)
            guard [429, 503].contains(response.status), body != nil, left > 0,
                let pause = response.retryAfter.map({ min(max($0, 1), left) })
            else { return response }
            try await Task.sleep(for: .seconds(pause))
            left -= pause
        }
    }

    /// A value as it stands in a query: nothing in it ends the value or begins another.
    static func encoded(_ value: String) -> String {
        let allowed = CharacterSet.urlQueryAllowed.subtracting(CharacterSet(charactersIn: "&+=;"))
        return value.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }

    private func perform(_ request: URLRequest) async throws -> Response {
        // Not `session.data(for:)`: on Linux it never returns when its task is cancelled. A task
        // that runs to its end, or to its timeout, always calls back.
        try await withCheckedThrowingContinuation { continuation in
            let task = session.dataTask(with: request) { data, response, error in
                continuation.resume(with: outcome(data, response, error))
            }
            task.resume()
        }
    }

    private func outcome(
        _ data: Data?,
        _ response: URLResponse?,
        _ error: (any Error)?
    ) -> Result<Response, any Error> {
        if let error {
            let reason = error.localizedDescription
            return .failure(
                Failure(
                    .unavailable,
                    "no service answers at \(base) (\(reason)); start one with "
                        + "'svc-index serve', or give --url"
                )
            )
        }
        guard let response = response as? HTTPURLResponse else {
            return .failure(Failure(.failed, "the answer of \(base) is no HTTP"))
        }
        return .success(
            Response(
                status: response.statusCode,
                body: [UInt8](data ?? Data()),
                retryAfter: response.value(forHTTPHeaderField: "Retry-After").flatMap { Int($0) }
            )
        )
    }

    private static func readToken(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.usage, "--auth-token-file \(path) cannot be read")
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

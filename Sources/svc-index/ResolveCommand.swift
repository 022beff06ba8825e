internal import ArgumentParser
internal import IndexService

/// Asks a running service what a name or content id stands for.
struct ResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Asks a running service what a name or content id stands for.",
        discussion: """
            Examples:
              svc-index resolve libc6
              svc-index resolve libc6 --json --region eu
              svc-index resolve libc6 --manifest > libc6.json
            With --manifest the bytes are checked against their content id here, so
            the service need not be trusted with them.
            """
    )

    @Argument(help: "A name such as libc6, or b3: and 64 hex digits.")
    var key: String

    @OptionGroup var options: QuestionOptions

    @Flag(help: "Skip the service's answer cache.")
    var fresh = false

    @Flag(help: "Print the manifest's bytes, after checking them, instead of the answer.")
    var manifest = false

    func run() async throws {
        let key = try ResolveKey(argument: key)
        let client = try ServiceClient(url: options.url)
        var query = options.query
        if fresh { query.append("fresh=true") }
        let answer = try await client.get("/resolve/\(key)", query)
        if manifest {
            try StandardStreams.write(await client.verifiedManifest(of: answer))
        } else if options.json {
            try StandardStreams.write(answer)
        } else {
            try AnswerText(answer).print()
        }
    }
}

/// Asks a running service for the providers of a content id.
struct ProvidersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers",
        abstract: "Asks a running service where the bytes of a content id can be had.",
        discussion: "Example: svc-index providers b3:… --limit 10 --region eu-west-1"
    )

    @Argument(help: "b3: and 64 hex digits.")
    var cid: String

    @OptionGroup var options: QuestionOptions

    @Option(help: "Only providers seen within so many seconds.")
    var minFreshness: Int?

    func run() async throws {
        let id = try ContentID(argument: cid)
        let client = try ServiceClient(url: options.url)
        let freshness = minFreshness.map { ["min_freshness=\($0)"] } ?? []
        let answer = try await client.get("/providers/\(id)", options.query + freshness)
        if options.json {
            try StandardStreams.write(answer)
        } else {
            try AnswerText(answer).print()
        }
    }
}

/// What both questions take.
struct QuestionOptions: ParsableArguments {
    @Option(help: "Where the service listens.")
    var url = ServiceClient.defaultURL

    @Option(help: "How many providers, at most 32.")
    var limit: Int?

    @Option(help: "The region to prefer, such as eu-west-1.")
    var region: String?

    @Flag(help: "Print the service's JSON.")
    var json = false

    var query: [String] {
        (limit.map { ["limit=\($0)"] } ?? [])
            + (region.map { ["region=" + ServiceClient.encoded($0)] } ?? [])
    }
}

extension ServiceClient {
    /// The body of a successful `GET`; a refusal becomes the command's failure.
    func get(_ path: String, _ query: [String] = []) async throws -> [UInt8] {
        let target = path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        let response = try await send("GET", target)
        guard response.status != 200 else { return response.body }
        let code: Failure.Code =
            switch response.status {
            case 400: .usage
            case 429, 503, 504: .unavailable
            default: .failed
            }
        throw Failure(code, ProblemText.detail(of: response.body))
    }

    /// Fetches the manifest that an answer names and checks its bytes against the content id.
    func verifiedManifest(of answer: [UInt8]) async throws -> [UInt8] {
        let id = try AnswerText(answer).manifestID()
        let bytes = try await get("/manifests/\(id)")
        guard ContentID(of: bytes) == id else {
            throw Failure(.failed, "the service sent bytes that are not those of \(id)")
        }
        return bytes
    }
}

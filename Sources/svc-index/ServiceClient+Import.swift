internal import IndexService

// Import lines through `POST /admin/import`, one request after the other, so that the last line
// about a name wins as it does in a store of one's own.

extension ServiceClient {
    /// The most bytes in one request: the service's cap for every body, unless it is set lower.
    private static let maximumBytes = 1 << 20

    /// One line on its way to the service.
    fileprivate struct Line {
        /// Its number in the input.
        let number: Int
        /// The line, its line break included.
        let bytes: [UInt8]
    }

    /// Asks the service whether it takes imports from here, before the first line is read.
    func checkImport() async throws {
        _ = try Self.accepted(try await sendLines([], timeout: 4))
    }

    /// Stores a batch of import entries, at most a batch's lines and a body's bytes a request;
    /// returns the refused ones in the order of their lines.
    func store(_ batch: [Importer.NumberedEntry]) async throws -> [ImportRefusal] {
        var refusals: [ImportRefusal] = []
        var parcel: [Line] = []
        var size = 0
        for numbered in batch {
            let line = Line(number: numbered.line, bytes: numbered.entry.line(at: .now()))
            guard line.bytes.count <= Self.maximumBytes else {
                refusals.append(line.refusal("is over the \(Self.maximumBytes) bytes of a request"))
                continue
            }
            if parcel.count == Importer.batchLines || size + line.bytes.count > Self.maximumBytes {
                refusals += try await deliver(parcel[...])
                (parcel, size) = ([], 0)
            }
            parcel.append(line)
            size += line.bytes.count
        }
        refusals += try await deliver(parcel[...])
        return refusals.sorted { $0.line < $1.line }
    }

    /// Sends one parcel; halves it where the service takes smaller bodies than usual.
    private func deliver(_ parcel: ArraySlice<Line>) async throws -> [ImportRefusal] {
        guard let first = parcel.first else { return [] }
        let response = try await sendLines(Array(parcel.map(\.bytes).joined()))
        guard response.status == 413 else {
            return try Self.refusals(in: Self.accepted(response), of: Array(parcel))
        }
        guard parcel.count > 1 else {
            return [first.refusal("is refused: \(ProblemText.detail(of: response.body))")]
        }
        let middle = parcel.startIndex + parcel.count / 2
        return try await deliver(parcel[..<middle]) + deliver(parcel[middle...])
    }

    private func sendLines(_ bytes: [UInt8], timeout: Double = 15) async throws -> Response {
        let path = "/admin/import"
        let type = "application/x-ndjson"
        return try await send("POST", path, body: bytes, contentType: type, timeout: timeout)
    }

    /// The body of an answer that is none to a single line; throws where no line would fare better.
    private static func accepted(_ response: Response) throws -> [UInt8] {
        switch response.status {
        case 200: return response.body
        case 404, 405:
            throw Failure(
                .failed,
                "the service knows no /admin/import; check --url, or upgrade the service"
            )
        default:
            throw Failure(
                [429, 503, 504].contains(response.status) ? .unavailable : .failed,
                "the service refuses: \(ProblemText.detail(of: response.body))"
            )
        }
    }

    /// The lines that an answer rejects, by their numbers in the input; throws when it does not
    /// account for every line that was sent.
    private static func refusals(in body: [UInt8], of parcel: [Line]) throws -> [ImportRefusal] {
        let failure = Failure(.failed, "the service does not say what became of the lines")
        var parser = JSONParser(limits: JSONParser.Limits(bytes: 2 << 20))
        guard case .object(let answer)? = try? parser.parse(body.span),
            case .number(let imported)? = answer["imported"],
            case .array(let rejected)? = answer["rejected"],
            imported.integer == parcel.count - rejected.count
        else { throw failure }
        return try rejected.map { value in
            guard case .object(let refusal) = value, case .number(let line)? = refusal["line"],
                case .string(let reason)? = refusal["reason"],
                let place = line.integer, (1...parcel.count).contains(place)
            else { throw failure }
            return ImportRefusal(line: parcel[place - 1].number, reason: reason)
        }
    }
}

extension ServiceClient.Line {
    fileprivate func refusal(_ what: String) -> ImportRefusal {
        ImportRefusal(line: number, reason: "the line \(what); import it with --db-path")
    }
}

internal import IndexService

/// An answer of the service, printed for people.
struct AnswerText {
    private let fields: JSONObject

    init(_ body: [UInt8]) throws {
        var parser = JSONParser(limits: JSONParser.Limits(bytes: 2 << 20))
        guard case .object(let fields)? = try? parser.parse(body.span) else {
            throw Failure(.failed, "the answer is no JSON object")
        }
        self.fields = fields
    }

    func manifestID() throws -> ContentID {
        guard let text = fields["manifest_cid"]?.text, let id = try? ContentID(parsing: text) else {
            throw Failure(.failed, "the answer names no manifest")
        }
        return id
    }

    func print() throws {
        for (label, name) in [("key", "key"), ("manifest", "manifest_cid"), ("cid", "cid")]
            as [(String, StaticString)]
        {
            guard let text = fields[name]?.text else { continue }
            try StandardStreams.write(line: Self.padded(label) + text)
        }
        if case .object(let manifest)? = fields["manifest"] {
            let size = manifest["size"]?.text ?? "?"
            let type = manifest["media_type"]?.text ?? ""
            try StandardStreams.write(line: Self.padded("") + "\(size) bytes, \(type)")
        }
        guard case .array(let providers)? = fields["providers"] else { return }
        let total = fields["providers_total"]?.text ?? "\(providers.count)"
        try StandardStreams.write(line: Self.padded("providers") + "\(providers.count) of \(total)")
        for case .object(let provider) in providers {
            let parts = ["addr", "region", "class", "score", "last_seen"] as [StaticString]
            let texts = parts.compactMap { provider[$0]?.text }
            try StandardStreams.write(line: Self.padded("") + texts.joined(separator: "  "))
        }
    }

    private static func padded(_ label: String) -> String {
        label + String(repeating: " ", count: max(1, 11 - label.utf8.count))
    }
}

/// What an error body says.
enum ProblemText {
    static func detail(of body: [UInt8]) -> String {
        var parser = JSONParser(limits: JSONParser.Limits(bytes: 64 << 10))
        guard case .object(let fields)? = try? parser.parse(body.span),
            let detail = fields["detail"]?.text
        else { return "the service gave no reason" }
        return detail
    }
}

extension JSONValue {
    /// A string or number as text; nil for everything else.
    fileprivate var text: String? {
        switch self {
        case .string(let text): text
        case .number(let number): number.integer.map(String.init) ?? "\(number.value)"
        case .null, .bool, .array, .object: nil
        }
    }
}

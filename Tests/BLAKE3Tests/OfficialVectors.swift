import Foundation

/// The test vectors that the authors of BLAKE3 publish.
struct OfficialVectors: Decodable {
    struct Case: Decodable {
        let inputLength: Int
        let hash, keyedHash, deriveKey: String

        enum CodingKeys: String, CodingKey {
            case inputLength = "input_len"
            case hash
            case keyedHash = "keyed_hash"
            case deriveKey = "derive_key"
        }

        var input: [UInt8] { makeInput(inputLength) }
    }

    let key: String
    let context: String
    let cases: [Case]

    enum CodingKeys: String, CodingKey {
        case key, cases
        case context = "context_string"
    }

    static func load() throws -> OfficialVectors {
        let fixtures = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/blake3/test_vectors.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: fixtures))
    }
}

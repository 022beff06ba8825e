import Randomness

@testable import IndexService

func makeName(_ text: String = "libc6") throws -> Name {
    try Name(parsing: text)
}

/// The content id of some text: another for every text.
func makeContentID(_ text: String = "a") -> ContentID {
    ContentID(of: Array(text.utf8))
}

func makeManifest(_ text: String = #"{"a":1}"#, mediaType: MediaType = .json) -> Manifest {
    Manifest(bytes: Array(text.utf8), mediaType: mediaType)
}

func makeProvider(
    _ id: String = "p",
    address: String = "192.0.2.1:80",
    region: String? = nil,
    lastSeen: Int64 = 1_000_000,
    expiresAt: Int64? = nil,
    liveness: Double? = nil
) throws -> Provider {
    Provider(
        id: try ProviderID(parsing: id),
        address: try ProviderAddress(parsing: address),
        region: try region.map { try Region(parsing: $0) },
        lastSeen: UnixTime(seconds: lastSeen),
        expiresAt: expiresAt.map(UnixTime.init(seconds:)),
        liveness: liveness
    )
}

extension SeededRandom {
    /// A valid name of a few short labels, over a small alphabet so that draws meet again.
    mutating func name() throws -> Name {
        let labels = (0..<int(in: 1...3)).map { _ in
            text(of: "ab09", count: 1) + text(of: "ab09-_+", count: int(in: 0...3))
        }
        return try Name(parsing: labels.joined(separator: "."))
    }
}

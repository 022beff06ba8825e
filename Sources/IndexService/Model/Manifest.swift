/// A document of at most 1 MiB that says what a name or content id stands for.
package struct Manifest: Sendable, Equatable {
    /// The largest manifest, in bytes (contract, section 1).
    package static let maximumSize = 1 << 20

    package let id: ContentID
    package let mediaType: MediaType
    package let bytes: [UInt8]

    /// The manifest made of `bytes`; its id is their BLAKE3.
    package init(bytes: [UInt8], mediaType: MediaType) {
        self.id = ContentID(of: bytes)
        self.mediaType = mediaType
        self.bytes = bytes
    }

    /// The manifest whose bytes are said to have `id`; nil when their BLAKE3 says otherwise.
    package init?(verifying bytes: [UInt8], as id: ContentID, mediaType: MediaType) {
        guard ContentID(of: bytes) == id else { return nil }
        self.id = id
        self.mediaType = mediaType
        self.bytes = bytes
    }
}

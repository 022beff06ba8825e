internal import BLAKE3
package import DHTCore

extension ContentID {
    /// Where the DHT keeps the providers of these bytes: the first 20 bytes of the hash, which is
    /// truncated and not hashed again, as iroh's content discovery had it.
    package var infoHash: NodeID {
        digest.withUnsafeBytes { NodeID(Array($0.prefix(NodeID.byteCount))) } ?? .zero
    }
}

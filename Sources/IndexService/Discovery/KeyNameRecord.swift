package import DHTCore

/// Where a key name points, and the signed item that proves it.
package struct KeyNameRecord: Hashable, Sendable {
    package let name: KeyName
    package let manifestID: ContentID
    /// Seconds for which it may be kept, within `ContentLink.ttlRange`.
    package let ttl: Int
    package let proof: Proof

    /// What lets anybody check the record without trust in who hands it on (BEP 44, no salt).
    ///
    /// The signature covers `3:seqi<sequence>e1:v` and the value.
    package struct Proof: Hashable, Sendable {
        package let publicKey: PublicKey
        package let sequence: Int64
        /// 64 bytes of Ed25519.
        package let signature: [UInt8]
        /// The bencoded byte string that was signed; its contents are the pkarr packet.
        package let value: [UInt8]
    }

    /// Takes the record of a name out of an item whose target and signature have been checked.
    package init(of name: KeyName, in item: StoredItem) throws(KeyNameRecordError) {
        guard let mutable = item.mutable, mutable.salt.isEmpty,
            mutable.publicKey == name.publicKey
        else { throw .otherKey }
        guard let link = try PkarrPacket(in: item).link(of: name) else { throw .noRecord }
        self.name = name
        manifestID = link.target
        ttl = link.ttl
        proof = Proof(
            publicKey: mutable.publicKey,
            sequence: mutable.sequence,
            signature: mutable.signature,
            value: item.value
        )
    }

    /// The publisher's number: in pkarr the time of publication in microseconds.
    package var sequence: Int64 { proof.sequence }

    /// The item as it was found, to be stored again.
    package var item: StoredItem {
        StoredItem(
            value: proof.value,
            mutable: StoredItem.Mutable(
                publicKey: proof.publicKey,
                sequence: proof.sequence,
                signature: proof.signature
            )
        )
    }

    /// Whether this record is the newer one: by its sequence number, on a tie by the larger value.
    package func supersedes(_ other: KeyNameRecord) -> Bool { item.supersedes(other.item) }
}

/// Why an item says nothing about a name.
package enum KeyNameRecordError: Error, Equatable, CustomStringConvertible {
    /// Not signed by the name's key, or with a salt.
    case otherKey
    /// The value is not a byte string.
    case notBytes
    case packet(PkarrPacketError)
    /// The key has published records, but none for these labels.
    case noRecord

    package var description: String {
        switch self {
        case .otherKey: "the item is not one of the name's key"
        case .notBytes: "the key's item is not a pkarr packet: its value is not a byte string"
        case .packet(let error): "the key's item is not a pkarr packet: \(error)"
        case .noRecord: "the key has published records, but none for this name"
        }
    }
}

extension PkarrPacket {
    /// The packet that is an item's value.
    package init(in item: StoredItem) throws(KeyNameRecordError) {
        guard let contents = Bencode.string(item.value.span, at: 0),
            contents.end == item.value.count
        else { throw .notBytes }
        do throws(PkarrPacketError) {
            try self.init(reading: Array(item.value[contents.start...]))
        } catch {
            throw .packet(error)
        }
    }

    /// The packet as an item's value: a bencoded byte string.
    package func itemValue() throws(PkarrPacketError) -> [UInt8] {
        var writer = BencodeWriter()
        writer.string(try encoded())
        return writer.bytes
    }
}

extension KeyNameRecord.Proof {
    /// As answers and `lookup --json` show it; bytes are hexadecimal.
    package func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("key", publicKey.bytes.hex)
        json.field("seq", Int(clamping: sequence))
        json.field("signature", signature.hex)
        json.field("value", value.hex)
        json.endObject()
    }
}

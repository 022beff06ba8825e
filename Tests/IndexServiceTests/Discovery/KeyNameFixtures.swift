import Randomness
import DHTClient
import DHTCore
import Testing

@testable import IndexService

func makeKeyName(_ labels: String = "", seed: UInt64 = 1) throws -> KeyName {
    var random = SeededRandom(seed: seed)
    let key = try #require(ZBase32.encode(random.bytes(count: 32)))
    let text = labels.isEmpty ? key : labels + "." + key
    return try #require(KeyName(try Name(parsing: text)))
}

func makeLink(_ text: String = "a", ttl: Int = 600) -> ContentLink {
    ContentLink(target: makeContentID(text), ttl: ttl)
}

/// An item as if it had been found and checked; the signature is none.
func makeItem(
    _ packet: PkarrPacket = PkarrPacket(),
    key: KeyName,
    salt: [UInt8] = [],
    sequence: Int64 = 1
) throws -> StoredItem {
    StoredItem(
        value: try packet.itemValue(),
        mutable: StoredItem.Mutable(
            publicKey: key.publicKey,
            salt: salt,
            sequence: sequence,
            signature: [UInt8](repeating: 7, count: 64)
        )
    )
}

/// The item of a key of which one name points at `text`, signed.
func makeSignedItem(
    _ text: String,
    in label: String = "",
    sequence: Int64 = 1,
    by signer: ItemSigner
) throws -> StoredItem {
    let key = KeyName(signer.publicKey)
    let name =
        label.isEmpty ? key : try #require(KeyName(try Name(parsing: "\(label).\(key.keyText)")))
    let update = try KeyNameUpdate(
        pointing: name,
        at: makeLink(text),
        in: nil,
        microseconds: sequence
    )
    return try #require(signer.item(value: update.value, sequence: update.sequence))
}

/// Bytes as a DNS packet lays them out, written by hand.
struct RawPacket {
    var bytes: [UInt8]

    init(
        flags: UInt16 = 0x8400,
        questions: UInt8 = 0,
        answers: UInt8 = 1,
        additional: UInt8 = 0
    ) {
        bytes = [0, 0, UInt8(flags >> 8), UInt8(flags & 0xFF)]
        bytes += [0, questions, 0, answers, 0, 0, 0, additional]
    }

    mutating func label(_ text: String) {
        bytes.append(UInt8(text.utf8.count))
        bytes += Array(text.utf8)
    }

    mutating func pointer(to offset: Int) {
        bytes += [0xC0 | UInt8(offset >> 8), UInt8(offset & 0xFF)]
    }

    /// All of a record that stands behind its name.
    mutating func body(type: UInt8 = 16, ttl: UInt32 = 600, _ data: [UInt8]) {
        bytes += [0, type, 0, 1]
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ttl >> $0) }
        bytes += [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
    }

    mutating func text(_ text: String, ttl: UInt32 = 600) {
        body(ttl: ttl, [UInt8(text.utf8.count)] + Array(text.utf8))
    }
}

import DHTClient
import DHTCore
import Testing

@testable import IndexService

/// Key names and the signatures of BEP 44.
@Suite struct KeyNameProofTests {
    @Test func aKeyIsFoundWherePkarrKeepsIt() throws {
        let key = "o4dksfbqk85ogzdb5osziw6befigbuxmuxkuxq8434q89uj56uyy"
        let name = try #require(KeyName(try Name(parsing: key)))
        let target = ItemCryptography.swiftCrypto.target(publicKey: name.publicKey, salt: [])
        #expect(target.description == "9370f76c34b8766da0017e51e3f0a6d101c806ca")
    }

    @Test func aRecordsProofIsAuthenticAndAChangedOneIsNot() throws {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 9, count: 32)))
        let name = KeyName(signer.publicKey)
        let update = try KeyNameUpdate(pointing: name, at: makeLink(), in: nil, microseconds: 7)
        let item = try #require(signer.item(value: update.value, sequence: update.sequence))
        let record = try KeyNameRecord(of: name, in: item)
        #expect(record.item.isAuthentic(.swiftCrypto))
        var changed = record.item
        changed.mutable?.sequence += 1
        #expect(!changed.isAuthentic(.swiftCrypto))
    }
}

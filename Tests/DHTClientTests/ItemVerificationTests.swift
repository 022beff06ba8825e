import DHTClient
import DHTCore
import Testing

/// The published vectors of BEP 44 and pkarr.
@Suite struct ItemVerificationTests {
    private let key = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"

    @Test(arguments: [
        (
            "", "4a533d47ec9c7d95b1ad75f576cffc641853b750",
            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
                + "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
        ),
        (
            "foobar", "411eba73b6f087ca51a3795d9c8c938d365e32c1",
            "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
                + "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08"
        ),
    ])
    func thePublishedSignaturesAreValid(salt: String, target: String, signature: String) throws {
        let publicKey = try #require([UInt8](hex: key).flatMap { PublicKey($0) })
        let item = StoredItem(
            value: Array("12:Hello World!".utf8),
            mutable: StoredItem.Mutable(
                publicKey: publicKey,
                salt: Array(salt.utf8),
                sequence: 1,
                signature: try #require([UInt8](hex: signature))
            )
        )
        #expect(item.target(.swiftCrypto).description == target)
        #expect(item.isAuthentic(.swiftCrypto))
        var forged = item
        forged.mutable?.sequence = 2
        #expect(!forged.isAuthentic(.swiftCrypto))
        forged = item
        forged.value[4] ^= 1
        #expect(!forged.isAuthentic(.swiftCrypto))
    }

    @Test func thePublishedImmutableTargetIsRight() {
        let item = StoredItem(value: Array("12:Hello World!".utf8))
        let target = item.target(.swiftCrypto)
        #expect(target.description == "e5f96f6f38320f0f33959cb4d3d656452117aadb")
    }

    @Test func thePublishedKeyOfPkarrHasItsTarget() throws {
        // The z-base-32 key o4dksfbqk85ogzdb5osziw6befigbuxmuxkuxq8434q89uj56uyy.
        let alphabet = Array("ybndrfg8ejkmcpqxot1uwisza345h769".utf8)
        var bits: [UInt8] = []
        for digit in "o4dksfbqk85ogzdb5osziw6befigbuxmuxkuxq8434q89uj56uyy".utf8 {
            let value = UInt8(try #require(alphabet.firstIndex(of: digit)))
            bits += (0..<5).map { value >> (4 - UInt8($0)) & 1 }
        }
        let bytes = stride(from: 0, to: 256, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | $1 }
        }
        let key = try #require(PublicKey(bytes))
        let target = ItemCryptography.swiftCrypto.target(publicKey: key, salt: [])
        #expect(target.description == "9370f76c34b8766da0017e51e3f0a6d101c806ca")
    }

    @Test func whatIsSignedHereIsAuthentic() throws {
        let signer = try #require(ItemSigner(seed: [UInt8](repeating: 7, count: 32)))
        var item = try #require(signer.item(value: Array("2:hi".utf8), salt: [1], sequence: 3))
        #expect(item.isAuthentic(.swiftCrypto))
        item.value = Array("2:ho".utf8)
        #expect(!item.isAuthentic(.swiftCrypto))
        #expect(ItemSigner(seed: [1, 2, 3]) == nil)
    }

    @Test func aKeyThatIsNoPointOnTheCurveIsNotAuthentic() throws {
        let publicKey = try #require(PublicKey([UInt8](repeating: 0xFF, count: 32)))
        let mutable = StoredItem.Mutable(
            publicKey: publicKey,
            sequence: 1,
            signature: [UInt8](repeating: 0, count: 64)
        )
        #expect(!StoredItem(value: [], mutable: mutable).isAuthentic(.swiftCrypto))
    }
}

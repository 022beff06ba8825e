import Randomness
import Testing

@testable import IndexService

/// Names that end in an Ed25519 public key in z-base-32 (contract, section 2).
@Suite struct KeyNameTests {
    @Test func everyEncodedKeyMakesAKeyName() throws {
        for seed in 0..<300 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let key = encode(random.bytes(count: 32))
            #expect(key.utf8.count == 52)
            #expect(try Name(parsing: key).isKeyName, "seed \(seed)")
            #expect(try Name(parsing: "blog." + key).isKeyName, "seed \(seed)")
            #expect(try Name(parsing: "a.b." + key.uppercased()).isKeyName, "seed \(seed)")
        }
    }

    @Test func aKeyThatIsNotTheLastLabelIsAnOrdinaryName() throws {
        var random = SeededRandom(seed: 1)
        let key = encode(random.bytes(count: 32))
        #expect(try !Name(parsing: key + ".example").isKeyName)
        #expect(try !Name(parsing: "x" + key).isKeyName)
        #expect(try !Name(parsing: String(key.dropLast())).isKeyName)
        #expect(try !Name(parsing: "a-" + key.dropFirst(2)).isKeyName)
    }

    @Test func oneKeyHasOneSpelling() throws {
        var random = SeededRandom(seed: 2)
        let key = encode(random.bytes(count: 32))
        let keyNames = try alphabet.filter { last in
            try Name(parsing: key.dropLast() + String(last)).isKeyName
        }
        // Four of the last character's five bits are padding.
        #expect(keyNames == ["y", "o"])
    }

    @Test(arguments: ["0", "2", "l", "v", "-", "_", "+"])
    func charactersOutsideTheAlphabetMakeAnOrdinaryName(_ character: String) throws {
        let label = "y" + character + String(repeating: "y", count: 50)
        #expect(label.utf8.count == 52)
        #expect(try !Name(parsing: label).isKeyName)
    }

    @Test func anyBytesAreJudgedWithoutATrap() {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            #expect(!ZBase32.isEncodedKey(random.bytes(count: random.int(in: 0...60))))
        }
    }
}

private let alphabet = Array("ybndrfg8ejkmcpqxot1uwisza345h769")

/// z-base-32 bit by bit, padded with zeros: slow and plain.
private func encode(_ bytes: [UInt8]) -> String {
    var bits = bytes.flatMap { byte in (0..<8).map { Int(byte >> (7 - $0)) & 1 } }
    while bits.count % 5 != 0 { bits.append(0) }
    return String(
        stride(from: 0, to: bits.count, by: 5).map { start in
            alphabet[bits[start..<start + 5].reduce(0) { $0 * 2 + $1 }]
        }
    )
}

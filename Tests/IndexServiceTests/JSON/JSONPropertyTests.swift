import IndexService
import Testing

@Suite struct JSONPropertyTests {
    @Test func theCanonicalFormIsAFixedPoint() throws {
        for seed in 0..<1500 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            let value = try makeJSON(random.text())
            let canonical = value.canonicalBytes()
            let again = try makeJSON(canonical)
            #expect(again == value, "seed \(seed)")
            #expect(again.hashValue == value.hashValue, "seed \(seed)")
            #expect(again.canonicalBytes() == canonical, "seed \(seed)")
        }
    }

    @Test func namesAreInUTF16OrderAtEveryLevel() throws {
        for seed in 0..<500 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            #expect(isSorted(try makeJSON(random.text())), "seed \(seed)")
        }
    }

    @Test func mutatedTextsAreAnsweredWithAValueOrAnError() {
        for seed in 0..<1500 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            var text = random.text(depth: 3)
            for _ in 0..<4 {
                mutate(&text, using: &random)
                guard let value = try? makeJSON(text) else { continue }
                let canonical = value.canonicalBytes()
                #expect((try? makeJSON(canonical)) == value, "seed \(seed)")
            }
        }
    }

    @Test func randomBytesAreAnsweredWithAValueOrAnError() {
        let alphabet = Array(#"{}[]",:\u0123456789eE+-.tfnrdD8 "#.utf8)
        for seed in 0..<2000 as Range<UInt64> {
            var random = RandomJSON(seed: seed)
            let text = (0..<40).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            let noise = (0..<40).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for bytes in [text, noise] {
                guard let value = try? makeJSON(bytes) else { continue }
                #expect((try? makeJSON(value.canonicalBytes())) == value, "seed \(seed)")
            }
        }
    }

    @Test func everyPrefixOfADocumentIsRefused() throws {
        let text = Array(#"{"a":[1.5e3,"\ud83d\ude00x",true,null,{"b":"é"}],"c":-7}"#.utf8)
        for count in 0..<text.count {
            #expect(throws: JSONError.self, "prefix of \(count)") {
                try makeJSON(Array(text.prefix(count)))
            }
        }
        #expect(try makeJSON(text).canonicalBytes().count > 0)
    }

    @Test func everyDoubleComesBackTheSame() throws {
        var random = RandomJSON(seed: 1)
        for round in 0..<5000 {
            let double = random.double()
            let number = try #require(JSONNumber(double))
            let bytes = JSONValue.number(number).canonicalBytes()
            #expect(try makeJSON(bytes) == .number(number), "round \(round), \(double)")
        }
    }

    @Test func decimalsAreReadAsTheStandardLibraryReadsThem() throws {
        var random = RandomJSON(seed: 2)
        for round in 0..<5000 {
            let digits = random.next() >> UInt64.random(in: 0..<64, using: &random)
            let exponent = Int.random(in: -30...30, using: &random)
            let text = "\(digits).5e\(exponent)"
            let expected = try #require(Double(text).flatMap { JSONNumber($0) })
            #expect(try makeJSON(text) == .number(expected), "round \(round), \(text)")
        }
    }

    @Test func anIntegerKeepsItsDigitsOrIsRefused() throws {
        var random = RandomJSON(seed: 3)
        for round in 0..<5000 {
            let text = "\(random.next() >> UInt64.random(in: 0..<64, using: &random))"
            guard let canonical = try? makeCanonical(text) else { continue }
            #expect(canonical == text, "round \(round)")
        }
    }
}

private func mutate(_ text: inout [UInt8], using random: inout RandomJSON) {
    let place = Int(random.next() % UInt64(text.count + 1))
    switch random.next() % 4 {
    case 0: text.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
    case 1: text.insert(contentsOf: text.prefix(place).suffix(9), at: place)
    case 2 where place < text.count: text[place] ^= 1 << UInt8(random.next() % 8)
    case 3 where place < text.count: text.remove(at: place)
    default: text.removeLast(min(text.count, 1))
    }
}

private func isSorted(_ value: JSONValue) -> Bool {
    switch value {
    case .array(let values): return values.allSatisfy(isSorted)
    case .object(let object):
        let names = object.members.map { Array($0.name.utf16) }
        let ascends = zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
        return ascends && object.members.allSatisfy { isSorted($0.value) }
    default: return true
    }
}

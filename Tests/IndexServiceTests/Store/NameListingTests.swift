import Randomness
import Testing

@testable import IndexService

@Suite struct NameListingTests {
    /// The store's listing beside a filter over a sorted array.
    @Test(arguments: 0..<3 as Range<UInt64>)
    func listingsAreASliceOfTheSortedNames(_ seed: UInt64) async throws {
        try await withStore { store in
            var random = SeededRandom(seed: seed)
            let names = try store.fill(with: 300, &random)
            for query in 0..<300 {
                let near = random.pick(names).text
                let part = String(near.prefix(random.int(in: 0...near.utf8.count)))
                let noise = random.text(of: "ab09.-_+", count: random.int(in: 0...3))
                let prefix = random.pick(["", part, noise, part + noise])
                let cursor = random.pick([nil, near, part, noise, "~"])
                let limit = random.int(in: 1...40)
                let expected = names.filter { name in
                    name.text.hasPrefix(prefix) && isAfter(name.text, cursor)
                }
                let listed = try store.names(prefix: prefix, after: cursor, limit: limit)
                #expect(
                    listed.map(\.name) == Array(expected.prefix(limit)),
                    "seed \(seed), query \(query): \(prefix) after \(cursor ?? "-")"
                )
            }
        }
    }

    @Test func pagesPutTogetherAreTheWholeListing() async throws {
        try await withStore { store in
            var random = SeededRandom(seed: 9)
            let names = try store.fill(with: 200, &random)
            for limit in [1, 7, 199, 200, 201] {
                var listed: [Name] = []
                while true {
                    let page = try store.names(
                        prefix: "",
                        after: listed.last?.text,
                        limit: limit
                    )
                    listed += page.map(\.name)
                    if page.count < limit { break }
                }
                #expect(listed == names, "limit \(limit)")
            }
        }
    }

    @Test func removedNamesAreNotListed() async throws {
        try await withStore { store in
            var random = SeededRandom(seed: 10)
            let names = try store.fill(with: 20, &random)
            for name in names.dropFirst() {
                _ = try store.removeName(name, precondition: .none, at: .testNow)
            }
            #expect(try store.names(prefix: "", after: nil, limit: 9).map(\.name) == [names[0]])
        }
    }

    /// The neighbours of every byte that a name may have: where bounds go wrong by one.
    @Test func everyCharacterIsAPrefixOfItsOwnNamesOnly() async throws {
        try await withStore { store in
            let characters = "abyz0189-_+.".map(String.init)
            let names = try characters.map { try Name(parsing: "a" + $0 + "z") }
            for name in names {
                let entry = try makeEntry(name.text)
                #expect(try store.importBatch([entry], at: .testNow) == [nil])
            }
            for (character, name) in zip(characters, names) {
                let listed = try store.names(prefix: "a" + character, after: nil, limit: 99)
                #expect(listed.map(\.name) == [name])
            }
        }
    }

    @Test(arguments: ["\u{0}", "é", "\u{10FFFF}", "a\u{0}", "\u{7f}", "\u{212A}"])
    func prefixesAndCursorsThatNoNameHasAreHarmless(_ text: String) async throws {
        try await withStore { store in
            _ = try store.importBatch([try makeEntry("a")], at: .testNow)
            #expect(try store.names(prefix: text, after: nil, limit: 9).isEmpty)
            let isBeforeAll = text == "\u{0}"
            let after = try store.names(prefix: "", after: text, limit: 9)
            #expect(after.count == (isBeforeAll ? 1 : 0))
        }
    }
}

private func isAfter(_ text: String, _ cursor: String?) -> Bool {
    guard let cursor else { return true }
    return Array(cursor.utf8).lexicographicallyPrecedes(Array(text.utf8))
}

extension IndexStore {
    /// Stores random names and returns them in order.
    fileprivate func fill(with count: Int, _ random: inout SeededRandom) throws -> [Name] {
        var names: Set<Name> = []
        while names.count < count { names.insert(try random.name()) }
        _ = try importBatch(try names.map { try makeEntry($0.text) }, at: .testNow)
        return names.sorted()
    }
}

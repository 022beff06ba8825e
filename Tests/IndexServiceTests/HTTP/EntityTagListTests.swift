import Randomness
import Testing

@testable import IndexService

/// `If-None-Match` is compared byte by byte, as splitting it at commas would.
@Suite struct EntityTagListTests {
    private static let tag = "\"b3:a\""

    /// The plain way to say it.
    private func matches(_ list: String) -> Bool {
        list.split(separator: ",").contains { item in
            let tag = item.drop { $0 == " " || $0 == "\t" }
            let trimmed = tag.prefix { $0 != " " && $0 != "\t" }
            return ["*", Self.tag, "W/" + Self.tag].contains(String(trimmed))
        }
    }

    @Test func itIsWhatSplittingGives() {
        var random = SeededRandom(seed: 43)
        let pieces = [
            ",", ",", ",", " ", "\t", "*", "W/", Self.tag, Self.tag, "\"b3:b\"", "\"", "é", "W",
        ]
        var matched = 0
        for _ in 0..<20_000 {
            let list = (0..<random.int(in: 0...9))
                .map { _ in pieces[random.int(in: 0...pieces.count - 1)] }
                .joined()
            let expected = matches(list)
            #expect(EntityTagList.matches(list, Self.tag) == expected, Comment(rawValue: list))
            if expected { matched += 1 }
        }
        #expect((2_000...18_000).contains(matched))
    }
}

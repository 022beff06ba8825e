import Randomness
import Testing

@testable import IndexService

/// Taken apart byte by byte, the parts are what splitting at `&` and `=` gives.
@Suite struct QueryParametersTests {
    /// The plain way to say it.
    private func values(of name: String, in query: String) -> [String] {
        query.split(separator: "&").compactMap { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves[0] == name else { return nil }
            return halves.count == 2 ? String(halves[1]) : ""
        }
    }

    @Test func itIsWhatSplittingGives() throws {
        var random = SeededRandom(seed: 42)
        let pieces = ["limit", "limit", "limits", "lim", "=", "&", "&", "&", "1", "é"]
        var counts = (found: 0, twice: 0)
        for _ in 0..<20_000 {
            let query = (0..<random.int(in: 0...8))
                .map { _ in pieces[random.int(in: 0...pieces.count - 1)] }
                .joined()
            let expected = values(of: "limit", in: query)
            let parameters = QueryParameters(query[...])
            if expected.count > 1 {
                #expect(throws: Problem.self, Comment(rawValue: query)) {
                    try parameters.text("limit")
                }
                counts.twice += 1
            } else {
                #expect(try parameters.text("limit") == expected.first, Comment(rawValue: query))
                counts.found += expected.count
            }
        }
        #expect(counts.found > 1000 && counts.twice > 50)
    }

    @Test func aPartOfALongerTextIsReadAsItself() throws {
        let (path, query) = QueryParameters.split("/resolve/é?region=eu-west-1&limit=%37&fresh")
        #expect(path == "/resolve/é")
        let parameters = QueryParameters(query)
        #expect(try parameters.text("region") == "eu-west-1")
        #expect(try parameters.number("limit", from: 0, clampedTo: 32) == 7)
        #expect(try parameters.text("fresh")?.isEmpty == true)
        #expect(try parameters.text("min_freshness") == nil)
    }

    @Test(
        arguments: [
            ("/a?b", "/a?b"), ("http://h/a?b", "/a?b"), ("HTTPS://h:1/a", "/a"),
            ("hTTp://h?b", "/?b"), ("http://h", "/"), ("http://h#f", "/#f"), ("http:///a", "/a"),
            ("https://", "/"), ("http:/h/a", nil), ("ftp://h/a", nil), ("*", nil), ("", nil),
            ("http://é/a", "/a"),
        ]
    )
    func targetsInAbsoluteFormAreWhatIsBehindTheHost(_ target: String, _ origin: String?) {
        #expect(Screening.originForm(of: target).map(String.init) == origin)
    }
}

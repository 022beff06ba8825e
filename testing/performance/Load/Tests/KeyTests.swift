import Foundation
import Testing

@testable import LoadEngine

@Suite struct KeyTests {
    private func counts(_ distribution: KeyDistribution, keys: Int, draws: Int) -> [Int] {
        var chooser = KeyChooser(distribution, keys: keys, seed: 3)
        var random = Randomness(seed: 4)
        var counts = [Int](repeating: 0, count: keys)
        for _ in 0..<draws {
            if let key = chooser.next(using: &random) { counts[key] += 1 }
        }
        return counts.sorted(by: >)
    }

    @Test func eightyPercentOfTheRequestsGoToTwentyPercentOfTheKeys() {
        let sorted = counts(.hot(requests: 80, keys: 20), keys: 100, draws: 100_000)
        let share = Double(sorted.prefix(20).reduce(0, +)) / 100_000
        #expect(abs(share - 0.8) < 0.01)
    }

    @Test func zipfCountsFollowTheirRanks() {
        let sorted = counts(.zipf(exponent: 1), keys: 1000, draws: 1_000_000)
        let harmonic = (1...1000).reduce(0.0) { $0 + 1 / Double($1) }
        for rank in [1, 2, 5, 10, 50] {
            let expected = 1_000_000 / Double(rank) / harmonic
            #expect(abs(Double(sorted[rank - 1]) - expected) < expected * 0.1)
        }
    }

    @Test func uniformAsksForAllKeysAlike() {
        let sorted = counts(.uniform, keys: 50, draws: 100_000)
        #expect(sorted.allSatisfy { abs($0 - 2000) < 300 })
    }

    @Test func eachAsksForEveryKeyOnceOverAllWorkers() {
        var random = Randomness(seed: 1)
        let seen = (0..<3).flatMap { part in
            var chooser = KeyChooser(.each, keys: 10, seed: 1, part: part, parts: 3)
            return (0..<10).compactMap { _ in chooser.next(using: &random) }
        }
        #expect(seen.sorted() == Array(0..<10))
    }

    @Test func distributionsAreReadFromText() {
        #expect(KeyDistribution("80/20") == .hot(requests: 80, keys: 20))
        #expect(KeyDistribution("zipf:1.2") == .zipf(exponent: 1.2))
        for bad in ["", "zipf:", "zipf:-1", "80", "0/20", "80/20/5", "hot"] {
            #expect(KeyDistribution(bad) == nil, "\(bad)")
        }
    }

    @Test func mixesAreReadFromText() {
        let mix = RouteMix("resolve=3,unknown=1")
        #expect(mix?.thresholds.map(\.route) == [.resolve, .unknown])
        #expect(mix?.thresholds.map(\.end) == [0.75, 1])
        let infinite = "resolve=1e308,unknown=1e308"
        for bad in ["", "resolve", "resolve=-1", "path=1", "resolve=0", "other=1", infinite] {
            #expect(RouteMix(bad) == nil, "\(bad)")
        }
    }

    @Test func keysComeFromPlainLinesAndFromImportLines() throws {
        let text = "plain\n\n{\"manifest\":{},\"name\":\"libc6\",\"x\":1}\nlast"
        let keys = try KeyList(text: Array(text.utf8))
        let read = (0..<keys.count).map {
            String(decoding: keys.bytes[keys.range($0)], as: UTF8.self)
        }
        #expect(read == ["plain", "libc6", "last"])
    }

    @Test(arguments: [
        (#"{"manifest":{"name":"inner"},"name":"outer"}"#, "outer"),
        (#"{"list":[{"name":"inner"},"name"],"name" : "outer","x":{"name":"last"}}"#, "outer"),
        (#"{"text":"\"name\":\"inner\"","note":"name","name":"outer"}"#, "outer"),
        (#"{"text":"}\\","name":"lib\u0063\u0036"}"#, "libc6"),
    ])
    func theNameOfAnImportLineIsThatOfItsOutermostObject(line: String, name: String) throws {
        let keys = try KeyList(text: Array(line.utf8))
        #expect(String(decoding: keys.bytes, as: UTF8.self) == name)
    }

    @Test func aLineThatIsNoKeyIsNamedByItsNumberInTheFile() {
        let error = #expect(throws: KeyListError.self) {
            try KeyList(text: Array("a\n\n{\"manifest\":{\"name\":\"inner\"}}".utf8))
        }
        #expect(error?.text == "the keys, line 3: no name in this object")
    }

    @Test(arguments: [
        "", "{}", #"{"name":1}"#, #"{"name":"#, #"{"name":"a\"#, "a b", "a?b", "a\u{7F}",
    ])
    func linesThatAreNoKeysAreRefused(text: String) {
        #expect(throws: KeyListError.self) { try KeyList(text: Array(text.utf8)) }
    }
}

import Randomness
import IndexService
import Testing

@Suite struct LineSplitterTests {
    /// However the input is cut into chunks, the lines are those of a plain split of the whole.
    @Test func linesDoNotDependOnTheChunks() {
        for seed in 0..<1500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let input = Array(
                random.text(of: "ab\n\r\u{0}c\n", count: random.int(in: 0...60)).utf8
            )
            let maximum = random.int(in: 0...9)
            var splitter = LineSplitter(maximumLength: maximum)
            var lines: [LineSplitter.Line] = []
            var rest = input[...]
            while !rest.isEmpty {
                let count = random.int(in: 0...min(rest.count, 7))
                splitter.feed(rest.prefix(count)) { lines.append($0) }
                rest = rest.dropFirst(count)
            }
            splitter.finish { lines.append($0) }
            #expect(lines == split(input, maximum), "seed \(seed)")
            // Nothing is left over for whoever goes on.
            splitter.finish { _ in Issue.record("a second last line, seed \(seed)") }
        }
    }

    @Test func aLineOverTheLimitIsPassedOverAndTheNextIsWhole() {
        var splitter = LineSplitter(maximumLength: 4)
        var lines: [LineSplitter.Line] = []
        splitter.feed(Array("12345".utf8)) { lines.append($0) }
        for _ in 0..<1000 { splitter.feed(Array("67890".utf8)) { lines.append($0) } }
        #expect(lines.isEmpty)
        splitter.feed(Array("\nnext\n".utf8)) { lines.append($0) }
        #expect(lines == [.tooLong, .text(Array("next".utf8))])
    }

    /// A carriage return at the limit is known for what it is only by what comes behind it.
    @Test(arguments: ["1234\r\n5678\n", "1234\n5678\r\n", "1234\r\n5678\r", "1234\r\n5678"])
    func linesOfTheFullLengthMayEndInACarriageReturn(_ input: String) {
        for size in 1...12 {
            var splitter = LineSplitter(maximumLength: 4)
            var lines: [LineSplitter.Line] = []
            var rest = Array(input.utf8)[...]
            while !rest.isEmpty {
                splitter.feed(rest.prefix(size)) { lines.append($0) }
                rest = rest.dropFirst(size)
            }
            splitter.finish { lines.append($0) }
            #expect(lines == [.text(Array("1234".utf8)), .text(Array("5678".utf8))], "\(size)")
        }
        var splitter = LineSplitter(maximumLength: 4)
        var lines: [LineSplitter.Line] = []
        splitter.feed(Array("1234\r".utf8)) { lines.append($0) }
        splitter.feed(Array("\r\n123\r4\n".utf8)) { lines.append($0) }
        #expect(lines == [.tooLong, .tooLong])
    }

    private func split(_ input: [UInt8], _ maximum: Int) -> [LineSplitter.Line] {
        var parts = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // What follows the last line break is a line only when there is something.
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts.map { part in
            let line = part.last == UInt8(ascii: "\r") ? part.dropLast() : part
            return line.count > maximum ? .tooLong : .text(Array(line))
        }
    }
}

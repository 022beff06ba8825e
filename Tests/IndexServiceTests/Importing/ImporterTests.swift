import Randomness
import Synchronization
import Testing

@testable import IndexService

@Suite struct ImporterTests {
    /// Random files of good, bad and blank lines in random chunks: each line's fate is known.
    @Test(arguments: 0..<12 as Range<UInt64>)
    func everyLineIsStoredOrRefusedByItsNumber(_ seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let count = random.int(in: 0...900)
        let lines = (1...max(1, count)).map { number in
            random.pick([goodLine(number), goodLine(number), badLine(random.int(in: 0...4)), ""])
        }
        let text = lines.joined(separator: random.pick(["\n", "\r\n"])) + random.pick(["", "\n"])
        let run = try await importing(chunks(of: Array(text.utf8), &random))
        let numbers = Array(lines.indices)
        let good = numbers.filter { lines[$0].hasPrefix(#"{"name""#) }.map { $0 + 1 }
        let bad = numbers.filter { lines[$0].hasPrefix("bad") }.map { $0 + 1 }
        #expect(run.stored == good, "seed \(seed)")
        #expect(run.refused.map(\.line).sorted() == bad, "seed \(seed)")
        // A last line that is empty and not ended is no line.
        let last = lines.last == "" && !text.hasSuffix("\n") ? lines.count - 1 : lines.count
        #expect(run.progress.stored == good.count, "seed \(seed)")
        #expect(run.progress.refused == bad.count, "seed \(seed)")
        #expect(run.progress.bytes == text.utf8.count, "seed \(seed)")
        #expect(run.progress.lines >= max(last - 1, good.last ?? 0), "seed \(seed)")
        #expect(run.progress.lines <= lines.count, "seed \(seed)")
    }

    @Test func batchesAreStoredOneAtATimeInOrder() async throws {
        let text = (1...2000).map { goodLine($0) + "\n" }.joined()
        let run = try await importing([Array(text.utf8)])
        #expect(run.batches.reduce(0, +) == 2000)
        #expect(run.stored == Array(1...2000))
        #expect(run.mostAtOnce == 1)
        let stored = run.reports.map(\.stored)
        #expect(stored == stored.sorted() && stored.last == 2000)
        #expect(run.reports.last == run.progress)
    }

    /// Whatever piles up while the store is at work: memory has to hold it.
    @Test(
        arguments: [
            (Importer.Capacity(batches: 2), 2 * Importer.batchLines),
            (Importer.Capacity(bytes: 1), Importer.batchLines),
        ]
    )
    func noMoreIsStoredAsOneThanMayWait(_ capacity: Importer.Capacity, _ most: Int) async throws {
        let text = (1...3000).map { goodLine($0) + "\n" }.joined()
        let run = try await importing([Array(text.utf8)], capacity) { _ in
            // Time for the reader to run ahead, if it may.
            for _ in 0..<200 { await Task.yield() }
            return []
        }
        #expect(run.stored == Array(1...3000))
        #expect(try #require(run.batches.max()) <= most)
    }

    @Test(
        arguments: [
            (
                #"{"id":"p","addr":"a:1"},{"id":"q","addr":"a:1"},{"id":"p","addr":"b:1"}"#,
                #"providers[2] has the id "p" of one before it in the line"#
            ),
            (
                #"{"addr":"a:1"},{"addr":"a:1","ttl_s":9}"#,
                "providers[1] has the address, and no id, of one before it in the line"
            ),
        ]
    )
    func aProviderNamedTwiceIsRefused(_ providers: String, _ reason: String) async throws {
        let line = #"{"name":"n","manifest":1,"providers":[\#(providers)]}"#
        let run = try await importing([Array((line + "\n" + goodLine(2)).utf8)])
        #expect(run.refused == [ImportRefusal(line: 1, reason: reason)])
        #expect(run.stored == [2])
    }

    @Test func whatTheStoreRefusesIsReportedAndCounted() async throws {
        let text = (1...600).map { goodLine($0) + "\n" }.joined()
        let run = try await importing([Array(text.utf8)]) { batch in
            batch.map(\.line).filter { $0 % 100 == 0 }.map {
                ImportRefusal(line: $0, reason: "full")
            }
        }
        #expect(run.refused.map(\.line) == [100, 200, 300, 400, 500, 600])
        #expect(run.refused.allSatisfy { $0.reason == "full" })
        #expect(run.progress.stored == 594)
        #expect(run.progress.refused == 6)
    }

    @Test func aStoreThatFailsEndsTheImportWithItsError() async throws {
        let text = (1...2000).map { goodLine($0) + "\n" }.joined()
        let batches = Atomic<Int>(0)
        await #expect(throws: StoreError.diskFull) {
            try await importing([Array(text.utf8)]) { _ in
                batches.add(1, ordering: .relaxed)
                throw StoreError.diskFull
            }
        }
        // Nothing was stored over the hole.
        #expect(batches.load(ordering: .relaxed) == 1)
    }

    @Test func aSourceThatFailsEndsTheImportWithItsError() async throws {
        let importer = Importer { _ in [] }
        let isFirst = Mutex(true)
        await #expect(throws: TestFailure.self) {
            try await importer.run(
                read: {
                    guard isFirst.withLock({ $0.exchange(false) }) else { throw TestFailure() }
                    return .bytes(Array((goodLine(1) + "\n").utf8))
                },
                observer: .deaf
            )
        }
    }

    /// A chunk that is full does not say that the input pauses: the pause does.
    @Test(arguments: [1, Importer.chunkBytes])
    func whatCameBeforeAPauseIsStoredAndToldWhileItLasts(_ bytes: Int) async throws {
        let line = Array((goodLine(1) + "\n").utf8)
        let blank = [UInt8](repeating: UInt8(ascii: "\n"), count: max(0, bytes - line.count))
        let state = Mutex((isRead: false, isTold: false, hasPaused: false))
        let progress = try await Importer { _ in [] }.run(
            // The pause lasts until the line was told: for ever, were it not.
            read: {
                state.withLock { state in
                    guard state.isRead.exchange(true) else { return .bytes(line + blank) }
                    return state.isTold && state.hasPaused ? .end : .pause
                }
            },
            observer: Importer.Observer(
                refused: { _ in },
                progressed: { progress in
                    #expect(progress.stored == 1)
                    state.withLock { $0.isTold = true }
                },
                paused: { state.withLock { $0.hasPaused = true } }
            )
        )
        #expect(progress.stored == 1)
    }

    @Test func aStoreThatFailsEndsTheImportWhileTheInputPauses() async throws {
        let line = Mutex(Array((goodLine(1) + "\n").utf8))
        await #expect(throws: StoreError.diskFull) {
            try await Importer { _ in throw StoreError.diskFull }.run(
                read: { line.withLock { $0.isEmpty ? .pause : .bytes($0.exchange([])) } },
                observer: .deaf
            )
        }
    }

    @Test func aLineThatIsTooLongIsRefusedAndTheNextStored() async throws {
        let long = [UInt8](repeating: 0x61, count: 1 << 20)
        let run = try await importing([
            Array((goodLine(1) + "\n").utf8), long, long, long,
            Array(("\n" + goodLine(3) + "\n").utf8),
        ])
        #expect(run.stored == [1, 3])
        #expect(run.refused == [ImportRefusal(line: 2, reason: "the line is over 2097152 bytes")])
    }

    @Test func linesOfManyBytesAreStoredFewAtATime() async throws {
        let filler = String(repeating: "x", count: 1 << 20)
        let line = #"{"name":"n","manifest":"\#(filler.dropLast(8))"}"# + "\n"
        let run = try await importing(Array(repeating: Array(line.utf8), count: 48))
        #expect(run.progress.stored == 48)
        let bytes = (32 << 20) + 2 * Importer.batchBytes
        #expect(run.batches.allSatisfy { $0 << 20 <= bytes }, "\(run.batches)")
    }

    @Test func anEmptyInputIsAnImportOfNothing() async throws {
        let run = try await importing([])
        #expect(run.progress == Importer.Progress())
        #expect(run.batches.isEmpty)
    }

    @Test func reasonsSayWhatIsWrong() async throws {
        let id = makeContentID()
        let lines = [
            (#"{"name":"a b","manifest":1}"#, "the name contains byte 0x20"),
            (#"{"name":"a","manifest_cid":"b3:00"}"#, "64 hex digits"),
            (#"{"name":"a","manifest_cid":"x"}"#, "begins with b3:"),
            (#"{"name":"a","manifest":1,"media_type":"x"}"#, "media_type must be"),
            (#"{"name":"a","manifest":1,"providers":[{"addr":"x"}]}"#, "the port is missing"),
            (#"{"name":"a","manifest":1,"providers":[{"addr":"x:1","id":"é"}]}"#, "id must be"),
            (
                #"{"name":"a","manifest":1,"providers":[{"addr":"x:1","region":"E"}]}"#,
                "region must"
            ),
            (
                #"{"name":"\#(String(repeating: "y", count: 52))","manifest_cid":"\#(id)"}"#,
                "resolved from the DHT only"
            ),
        ]
        let text = lines.map(\.0).joined(separator: "\n")
        let run = try await importing([Array(text.utf8)])
        #expect(run.refused.map(\.line) == Array(1...lines.count))
        for (refusal, line) in zip(run.refused, lines) {
            #expect(refusal.reason.contains(line.1), "\(refusal.reason)")
        }
    }

    /// The whole way into a real store, twice.
    @Test func importingAFileTwiceStoresItOnce() async throws {
        try await withStore { store in
            let text = (1...700).map { goodLine($0) + "\n" }.joined()
            _ = try await importing([Array(text.utf8)]) { try await store.storeBatch($0) }
            let once = try store.dump()
            _ = try await importing([Array(text.utf8)]) { try await store.storeBatch($0) }
            #expect(try store.dump() == once)
            #expect(try store.names(prefix: "", after: nil, limit: 1000).count == 700)
        }
    }
}

/// What an import did.
struct ImportRun {
    var stored: [Int] = []
    var batches: [Int] = []
    var mostAtOnce = 0
    var refused: [ImportRefusal] = []
    var reports: [Importer.Progress] = []
    var progress = Importer.Progress()
}

/// Imports chunks into a store that writes down what it was given.
func importing(
    _ chunks: [[UInt8]],
    _ capacity: Importer.Capacity = Importer.Capacity(),
    _ store: @escaping Importer.Store = { _ in [] }
) async throws -> ImportRun {
    struct State {
        var run = ImportRun()
        var running = 0
    }
    let recorder = Mutex(State())
    let importer = Importer(capacity: capacity) { batch in
        recorder.withLock { state in
            state.running += 1
            state.run.mostAtOnce = max(state.run.mostAtOnce, state.running)
            state.run.batches.append(batch.count)
            state.run.stored += batch.map(\.line)
        }
        defer { recorder.withLock { $0.running -= 1 } }
        await Task.yield()
        return try await store(batch)
    }
    let rest = Mutex(chunks[...])
    var (refused, reports): ([ImportRefusal], [Importer.Progress]) = ([], [])
    let progress = try await importer.run(
        read: { rest.withLock { $0.popFirst() }.map { .bytes($0) } ?? .end },
        observer: Importer.Observer(
            refused: { refused.append($0) },
            progressed: { reports.append($0) }
        )
    )
    var run = recorder.withLock(\.run)
    (run.refused, run.reports, run.progress) = (refused, reports, progress)
    return run
}

extension Importer.Observer {
    /// For runs of which only the end counts.
    fileprivate static var deaf: Self { Self(refused: { _ in }, progressed: { _ in }) }
}

extension Bool {
    fileprivate mutating func exchange(_ value: Bool) -> Bool {
        defer { self = value }
        return self
    }
}

extension [UInt8] {
    fileprivate mutating func exchange(_ value: [UInt8]) -> [UInt8] {
        defer { self = value }
        return self
    }
}

private func goodLine(_ number: Int) -> String {
    #"{"name":"n\#(number)","manifest":\#(number),"providers":[{"addr":"x:1"}]}"#
}

private func badLine(_ kind: Int) -> String {
    "bad " + ["", "{", #"{"name":"a"}"#, "\u{0}", "é"][kind]
}

private func chunks(of bytes: [UInt8], _ random: inout SeededRandom) -> [[UInt8]] {
    var (rest, chunks): (ArraySlice<UInt8>, [[UInt8]]) = (bytes[...], [])
    while !rest.isEmpty {
        let count = random.int(in: 1...random.pick([3, 100, 5000]))
        chunks.append(Array(rest.prefix(count)))
        rest = rest.dropFirst(count)
    }
    return chunks
}

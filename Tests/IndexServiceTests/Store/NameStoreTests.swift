import Randomness
import Testing

@testable import IndexService

@Suite struct NameStoreTests {
    /// Long random histories of writes, deletions and imports, each beside a dictionary.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func namesBehaveAsADictionaryWithVersions(_ seed: UInt64) async throws {
        try await withStore { store in
            var random = SeededRandom(seed: seed)
            var model = NameModel()
            for step in 0..<400 {
                let name = try Name(parsing: random.pick(["a", "b", "c.d"]))
                let id = makeContentID(random.pick(["1", "2", "3"]))
                let ttl = random.pick([nil, 60])
                let precondition = model.precondition(for: name, &random)
                let now = UnixTime(seconds: Int64(step))
                switch random.int(in: 1...4) {
                case 1, 2:
                    let outcome = try store.putName(
                        name,
                        manifestID: id,
                        ttl: ttl,
                        precondition: precondition,
                        at: now
                    )
                    let expected = model.put(name, id, ttl, precondition, now)
                    #expect(outcome == expected, "seed \(seed), step \(step)")
                case 3:
                    let outcome = try store.removeName(name, precondition: precondition, at: now)
                    #expect(
                        outcome == model.remove(name, precondition),
                        "seed \(seed), step \(step)"
                    )
                default:
                    let entry = ImportEntry(
                        name: name,
                        manifestID: id,
                        manifest: nil,
                        ttl: ttl,
                        providers: []
                    )
                    #expect(try store.importBatch([entry], at: now) == [nil])
                    model.importEntry(name, id, ttl, now)
                }
                #expect(try store.name(name) == model.record(name), "seed \(seed), step \(step)")
                let all = try store.names(prefix: "", after: nil, limit: 10)
                #expect(all == model.all, "seed \(seed), step \(step)")
            }
        }
    }

    @Test func aNameMadeAgainGoesOnCounting() async throws {
        try await withStore { store in
            let name = try makeName()
            func put(_ precondition: VersionPrecondition) throws -> NameWriteOutcome {
                try store.putName(
                    name,
                    manifestID: makeContentID(),
                    ttl: nil,
                    precondition: precondition,
                    at: .testNow
                )
            }
            guard case .created(let first) = try put(.absent) else { throw TestFailure() }
            #expect(first.version == 1)
            _ = try store.removeName(name, precondition: .version(1), at: .testNow)
            // A writer that still holds version 1 must not take the new name for the old one.
            guard case .created(let second) = try put(.none) else { throw TestFailure() }
            #expect(second.version == 3)
            #expect(try put(.version(1)) == .preconditionFailed(current: 3))
        }
    }

    @Test func aRefusedWriteChangesNothing() async throws {
        try await withStore { store in
            let name = try makeName()
            _ = try store.importBatch([try makeEntry()], at: .testNow)
            let before = try store.dump()
            for precondition in [
                VersionPrecondition.absent, .version(2), .anyOf([0, 2]), .anyOf([]),
            ] {
                let put = try store.putName(
                    name,
                    manifestID: makeContentID("x"),
                    ttl: 1,
                    precondition: precondition,
                    at: .testNow
                )
                #expect(put == .preconditionFailed(current: 1))
                let removal = try store.removeName(name, precondition: precondition, at: .testNow)
                #expect(removal == .preconditionFailed(current: 1))
            }
            #expect(try store.dump() == before)
        }
    }
}

struct TestFailure: Error {}

/// What the store should hold: versions go on over deletions.
private struct NameModel {
    private struct Entry {
        var record: NameRecord?
        var version: Int64
    }

    private var entries: [Name: Entry] = [:]

    var all: [NameRecord] {
        entries.values.compactMap(\.record).sorted { $0.name < $1.name }
    }

    func record(_ name: Name) -> NameRecord? { entries[name]?.record }

    func precondition(for name: Name, _ random: inout SeededRandom) -> VersionPrecondition {
        let current = entries[name]?.version ?? 0
        let near = current + Int64(random.int(in: -1...1))
        return switch random.int(in: 1...8) {
        case 1: .version(current)
        case 2: .version(near)
        case 3: .anyOf([near, near + 1])
        case 4: .exists
        case 5: .absent
        default: .none
        }
    }

    private func allows(_ name: Name, _ precondition: VersionPrecondition) -> Bool {
        let version = entries[name]?.record?.version
        return switch precondition {
        case .none: true
        case .version(let wanted): version == wanted
        case .anyOf(let wanted): wanted.contains { $0 == version }
        case .exists: version != nil
        case .absent: version == nil
        }
    }

    mutating func put(
        _ name: Name,
        _ id: ContentID,
        _ ttl: Int?,
        _ precondition: VersionPrecondition,
        _ now: UnixTime
    ) -> NameWriteOutcome {
        let current = entries[name]?.record
        guard allows(name, precondition) else {
            return .preconditionFailed(current: current?.version)
        }
        let version = (entries[name]?.version ?? 0) + 1
        let record = NameRecord(
            name: name,
            manifestID: id,
            ttl: ttl,
            version: version,
            updatedAt: now
        )
        entries[name] = Entry(record: record, version: version)
        return current.map { .changed(record, from: $0.manifestID) } ?? .created(record)
    }

    mutating func remove(_ name: Name, _ precondition: VersionPrecondition) -> NameWriteOutcome {
        let current = entries[name]?.record
        guard allows(name, precondition) else {
            return .preconditionFailed(current: current?.version)
        }
        guard let current else { return .notFound }
        entries[name] = Entry(record: nil, version: current.version + 1)
        return .removed(current)
    }

    mutating func importEntry(_ name: Name, _ id: ContentID, _ ttl: Int?, _ now: UnixTime) {
        if let current = record(name), current.manifestID == id, current.ttl == ttl { return }
        _ = put(name, id, ttl, .none, now)
    }
}

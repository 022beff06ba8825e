import Foundation
import Synchronization
import Testing

@testable import IndexService

@Suite struct SubjectEpochsTests {
    @Test func stampsHoldUntilOneOfTheirSubjectsIsBumped() throws {
        let epochs = SubjectEpochs()
        let (key, target) = (ResolveKey.name(try makeName()), makeContentID("target"))
        for bumped in [key, .contentID(target)] {
            let stamps = try #require(epochs.stamps(epochs.stamps(for: key), leadingTo: target))
            #expect(epochs.areCurrent(stamps))
            epochs.bump(.name(try makeName("other")))
            #expect(epochs.areCurrent(stamps))
            epochs.bump(bumped)
            #expect(!epochs.areCurrent(stamps))
        }
    }

    @Test func stampsOfAnswersAllEndAtOnce() throws {
        let epochs = SubjectEpochs()
        let stamps = epochs.stamps(for: .name(try makeName()))
        epochs.bumpAll()
        #expect(!epochs.areCurrent(stamps))
        #expect(epochs.areCurrent(epochs.stamps(for: .name(try makeName()))))
    }

    @Test func factsThatAnyWriteMayHaveOvertakenMustBeReadAgain() throws {
        let epochs = SubjectEpochs()
        let stamps = epochs.stamps(for: .name(try makeName()))
        epochs.bump(.name(try makeName("other")))
        #expect(epochs.stamps(stamps, leadingTo: makeContentID()) == nil)
    }

    @Test func namesOfOneKeyAreOneSubject() throws {
        let epochs = SubjectEpochs()
        let keys = try ["", "a", "b.c"].map { try makeKeyName($0) }
        let names = try keys.map { ResolveKey.name(try Name(parsing: "\($0)")) }
        let stamps = names.map { epochs.stamps(for: $0) }
        let others = try (0..<1000).map { ResolveKey.name(try makeName("other-\($0)")) }
            .map { epochs.stamps(for: $0) }
        epochs.bump(names[1])
        #expect(stamps.filter(epochs.areCurrent).isEmpty)
        #expect(others.allSatisfy(epochs.areCurrent))
    }

    @Test func whoAdvancesASubjectEndsAllAnswersButItsOwn() throws {
        let epochs = SubjectEpochs()
        let key = ResolveKey.name(try makeName())
        let (mine, theirs) = (epochs.stamp(key), epochs.stamps(for: key))
        let next = epochs.advance(mine)
        #expect(epochs.isCurrent(next))
        #expect(!epochs.areCurrent(theirs))
        // A write that came in between ends them all.
        epochs.bump(key)
        #expect(!epochs.isCurrent(epochs.advance(next)))
    }

    /// One thread changes the facts of a name's target, another stamps what it reads of them.
    ///
    /// Stamps that hold once a change has been acknowledged are of facts no older than the change.
    /// A wrong order of the steps shows only when both threads run at once, and not at every run.
    @Test func anAcknowledgedWriteEndsWhateverWasMadeBeforeIt() throws {
        let race = try Race()
        let hasEnded = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            race.read()
            hasEnded.signal()
        }
        race.write(for: .milliseconds(500))
        hasEnded.wait()
        #expect(race.turns.load(ordering: .relaxed) > 0)
        #expect(race.violations.load(ordering: .relaxed) == 0)
    }
}

/// The facts are a number that only grows.
private final class Race: Sendable {
    let facts = Atomic<UInt64>(0)
    let acknowledged = Atomic<UInt64>(0)
    let turns = Atomic<UInt64>(0)
    let isOver = Atomic<Bool>(false)
    /// Stamps of older facts that held although a change had been acknowledged.
    let violations = Atomic<Int>(0)
    let epochs = SubjectEpochs()
    let key: ResolveKey
    let target = makeContentID("target")

    init() throws {
        key = .name(try makeName())
    }

    func write(for duration: Duration) {
        let end = ContinuousClock.now + duration
        let target = ResolveKey.contentID(target)
        var change: UInt64 = 0
        while change % 64 != 0 || ContinuousClock.now < end {
            change += 1
            // Another phase of the other thread's turn each time.
            for _ in 0..<change % 101 { _ = facts.load(ordering: .relaxed) }
            facts.store(change, ordering: .sequentiallyConsistent)
            epochs.bump(target)
            acknowledged.store(change, ordering: .sequentiallyConsistent)
            // Long enough for the turn under way to end and be judged, if both threads are running.
            let turn = turns.load(ordering: .relaxed)
            var patience = 5000
            while turns.load(ordering: .relaxed) == turn, patience > 0 { patience -= 1 }
        }
        isOver.store(true, ordering: .relaxed)
    }

    func read() {
        repeat {
            let begun = epochs.stamps(for: key)
            let fact = facts.load(ordering: .sequentiallyConsistent)
            // The facts take longer to read than a bump does, and not always the same.
            for _ in 0..<turns.load(ordering: .relaxed) % 7 { _ = facts.load(ordering: .relaxed) }
            if let stamps = epochs.stamps(begun, leadingTo: target) {
                for _ in 0..<2 {
                    let seen = acknowledged.load(ordering: .sequentiallyConsistent)
                    guard epochs.areCurrent(stamps) else { break }
                    if fact < seen { violations.add(1, ordering: .relaxed) }
                }
            }
            turns.add(1, ordering: .relaxed)
        } while !isOver.load(ordering: .relaxed)
    }
}

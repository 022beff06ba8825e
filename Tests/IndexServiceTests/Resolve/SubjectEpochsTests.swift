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

    /// Two threads: one that changes the facts of a name's target and acknowledges each change, one
    /// that stamps what it reads as the resolver does. Stamps that hold when a change has been
    /// acknowledged are of facts no older than the change.
    @Test func anAcknowledgedWriteEndsWhateverWasMadeBeforeIt() throws {
        let race = try Race()
        DispatchQueue.concurrentPerform(iterations: 2) { role in
            if role == 0 { race.write(for: .milliseconds(1500)) } else { race.read() }
        }
        #expect(race.held.load(ordering: .relaxed) > 0)
        #expect(race.violations.load(ordering: .relaxed) == 0)
    }
}

/// The facts are a number that only grows.
private final class Race: Sendable {
    let facts = Atomic<UInt64>(0)
    let acknowledged = Atomic<UInt64>(0)
    let turns = Atomic<UInt64>(0)
    let isOver = Atomic<Bool>(false)
    /// Stamps that were made, and those that held although a change had been acknowledged.
    let held = Atomic<Int>(0)
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
            for _ in 0..<change % 23 { _ = facts.load(ordering: .relaxed) }
            facts.store(change, ordering: .sequentiallyConsistent)
            epochs.bump(target)
            acknowledged.store(change, ordering: .sequentiallyConsistent)
            // Long enough for the turn under way to end and be judged, if both threads are running.
            let turn = turns.load(ordering: .relaxed)
            for _ in 0..<500 where turns.load(ordering: .relaxed) == turn {}
        }
        isOver.store(true, ordering: .relaxed)
    }

    func read() {
        while !isOver.load(ordering: .relaxed) {
            let begun = epochs.stamps(for: key)
            let fact = facts.load(ordering: .sequentiallyConsistent)
            if let stamps = epochs.stamps(begun, leadingTo: target) {
                held.add(1, ordering: .relaxed)
                for _ in 0..<20 {
                    let seen = acknowledged.load(ordering: .sequentiallyConsistent)
                    guard fact < seen, epochs.areCurrent(stamps) else { continue }
                    violations.add(1, ordering: .relaxed)
                    break
                }
            }
            turns.add(1, ordering: .relaxed)
        }
    }
}

import Randomness
import DHTCore
import Testing

struct RoutingTableTests {
    let own = NodeID.zero

    func makeTable(
        shared: Bool = false,
        _ change: (inout RoutingSettings) -> Void = { _ in }
    ) -> RoutingTable {
        var settings = RoutingSettings()
        settings.extendsFirstBuckets = false
        change(&settings)
        return RoutingTable(own: own, settings: settings, allowsSharedNetworks: shared)
    }

    /// An id in bucket 0 whose rest is the number.
    func makeFarID(_ number: Int) -> NodeID {
        NodeID(high: 1 << 63 | UInt64(number) << 8, middle: 0, low: 0)
    }

    @discardableResult
    func answer(
        _ table: inout RoutingTable,
        _ number: Int,
        at time: Int = 0,
        endpoint: Endpoint? = nil,
        after delay: Int = 20
    ) -> RoutingTable.Admission {
        table.answered(
            id: makeFarID(number),
            endpoint: endpoint ?? makeEndpoint(number),
            after: .milliseconds(delay),
            at: makeTime(time)
        )
    }

    @Test func nodeThatAnswersEnters() {
        var table = makeTable()
        #expect(answer(&table, 1) == .added)
        #expect(answer(&table, 1, at: 5) == .known)
        #expect(table.count == 1)
    }

    @Test func ownIDNeverEnters() {
        var table = makeTable()
        let admission = table.answered(
            id: own,
            endpoint: makeEndpoint(1),
            after: .zero,
            at: makeTime(0)
        )
        #expect(admission == .refused(.ownID))
    }

    /// A node answers whose id lies in one of the eight parts of bucket 0.
    @discardableResult
    func answer(
        _ table: inout RoutingTable,
        part: Int,
        node: Int,
        after delay: Int = 20
    ) -> RoutingTable.Admission {
        answer(&table, part << 52 | node, endpoint: makeEndpoint(node), after: delay)
    }

    func holds(_ table: RoutingTable, part: Int, node: Int) -> Bool {
        table.contains(id: makeFarID(part << 52 | node), endpoint: makeEndpoint(node))
    }

    @Test func fullBucketSpreadsOverItsRange() {
        var table = makeTable()
        for node in 0..<8 { answer(&table, part: 0, node: node, after: node == 5 ? 90 : 20) }
        // The slowest of the crowded part gives way to the first of an empty one.
        #expect(answer(&table, part: 3, node: 10) == .replaced)
        #expect(holds(table, part: 0, node: 5) == false)
        // That part is taken now.
        #expect(answer(&table, part: 3, node: 11) == .waiting(doubtful: nil))
        // Whoever chooses ids drives out the surplus, and nobody who is alone in a part.
        for node in 100..<200 { answer(&table, part: node % 8, node: node) }
        #expect(holds(table, part: 3, node: 10) == true)
        #expect(table.count == 8)
    }

    @Test func slowContactGivesWayToAQuickOneNearby() {
        var table = makeTable()
        for part in 0..<8 { answer(&table, part: part, node: part, after: part == 0 ? 800 : 20) }
        #expect(answer(&table, part: 0, node: 10, after: 500) == .waiting(doubtful: nil))
        #expect(answer(&table, part: 0, node: 11) == .replaced)
        #expect(holds(table, part: 0, node: 0) == false)
        // One that is nearly as quick stays.
        #expect(answer(&table, part: 0, node: 12, after: 15) == .waiting(doubtful: nil))
    }

    @Test func fullBucketOfGoodContactsLetsNewcomersWait() {
        var table = makeTable()
        for number in 0..<8 { #expect(answer(&table, number) == .added) }
        #expect(answer(&table, 8) == .waiting(doubtful: nil))
        #expect(table.count == 8)
    }

    @Test func fullBucketNamesItsMostDoubtfulContact() {
        var table = makeTable()
        for number in 0..<8 { answer(&table, number, at: number) }
        let later = 16 * 60_000
        for number in 1..<8 { answer(&table, number, at: later) }
        guard case .waiting(let doubtful?) = answer(&table, 8, at: later) else {
            Issue.record("nobody is doubted")
            return
        }
        #expect(doubtful.id == makeFarID(0))
    }

    @Test func failingContactGivesWayToWhoWaits() {
        var table = makeTable()
        for number in 0..<9 { answer(&table, number) }
        table.failed(id: makeFarID(3), endpoint: makeEndpoint(3))
        #expect(!table.contains(id: makeFarID(3), endpoint: makeEndpoint(3)))
        #expect(table.contains(id: makeFarID(8), endpoint: makeEndpoint(8)))
    }

    @Test func failingContactStaysWhileNobodyWaits() {
        var table = makeTable()
        answer(&table, 1)
        for _ in 0..<300 { table.failed(id: makeFarID(1), endpoint: makeEndpoint(1)) }
        #expect(table.count == 1)
        #expect(table.census(at: makeTime(0)).bad == 1)
        var closest: [Contact] = []
        table.closest(to: makeFarID(1), count: 8, into: &closest)
        #expect(closest.isEmpty)
        answer(&table, 1, at: 1)
        #expect(table.census(at: makeTime(1)).good == 1)
    }

    @Test func badContactIsReplacedAtOnce() {
        var table = makeTable()
        for number in 0..<8 { answer(&table, number) }
        for _ in 0..<3 { table.failed(id: makeFarID(2), endpoint: makeEndpoint(2)) }
        #expect(answer(&table, 9) == .replaced)
        #expect(!table.contains(id: makeFarID(2), endpoint: makeEndpoint(2)))
    }

    @Test func standingFollowsTheLastSign() {
        var table = makeTable()
        answer(&table, 1)
        #expect(table.census(at: makeTime(15 * 60_000)).good == 1)
        #expect(table.census(at: makeTime(15 * 60_000 + 1)).questionable == 1)
        let late = makeTime(20 * 60_000)
        #expect(table.heard(from: makeFarID(1), at: makeEndpoint(1), at: late) == true)
        #expect(table.census(at: late).good == 1)
        #expect(table.heard(from: makeFarID(2), at: makeEndpoint(2), at: late) == false)
    }

    @Test func anAddressHasOneContact() {
        var table = makeTable()
        answer(&table, 1)
        let otherPort = makeEndpoint(1, port: 7_000)
        #expect(answer(&table, 2, endpoint: otherPort) == .refused(.addressTaken))
        // The same port under a new id is the same node restarted.
        #expect(answer(&table, 3, endpoint: makeEndpoint(1)) == .replaced)
        #expect(table.count == 1)
        #expect(table.brokenInvariant == nil)
    }

    @Test func anIDIsNotTakenOverByAnotherAddress() {
        var table = makeTable()
        answer(&table, 1)
        #expect(answer(&table, 1, endpoint: makeEndpoint(2)) == .refused(.idTaken))
        for _ in 0..<3 { table.failed(id: makeFarID(1), endpoint: makeEndpoint(1)) }
        #expect(answer(&table, 1, endpoint: makeEndpoint(2)) == .added)
    }

    @Test func aNetworkGetsItsShareOfBucketAndTable() {
        var table = makeTable()
        var admitted = 0
        for number in 0..<100 {
            let id = NodeID(high: UInt64.max >> UInt64(number % 20), middle: UInt64(number), low: 0)
            let admission = table.answered(
                id: id,
                endpoint: Endpoint(12, 0, 0, UInt8(number + 1), port: 1),
                after: .zero,
                at: makeTime(0)
            )
            if admission == .added { admitted += 1 }
        }
        #expect(admitted == 4)
        #expect(table.count(inBucket: 0) <= 1)
    }

    @Test func aDeadContactHidesNoLivingNeighbour() {
        var table = makeTable()
        let dead = Endpoint(12, 0, 0, 1, port: 1)
        let living = Endpoint(12, 0, 0, 2, port: 1)
        answer(&table, 1, endpoint: dead)
        #expect(answer(&table, 2, endpoint: living) == .waiting(doubtful: nil))
        // Of one network one may wait; others wait beside it.
        #expect(answer(&table, 3, endpoint: Endpoint(12, 0, 0, 3, port: 1)) != .added)
        #expect(answer(&table, 2, endpoint: living) == .waiting(doubtful: nil))
        answer(&table, 4)
        // A neighbour fails, and not just anybody.
        table.failed(id: makeFarID(4), endpoint: makeEndpoint(4))
        #expect(table.contains(id: makeFarID(4), endpoint: makeEndpoint(4)))
        table.failed(id: makeFarID(1), endpoint: dead)
        #expect(!table.contains(id: makeFarID(1), endpoint: dead))
        #expect(table.contains(id: makeFarID(2), endpoint: living))
        #expect(table.count == 2)
        #expect(table.brokenInvariant == nil)
    }

    @Test func aNeighbourOfOneThatFailedEntersAtOnce() {
        var table = makeTable()
        let dead = Endpoint(12, 0, 0, 1, port: 1)
        let living = Endpoint(12, 0, 0, 2, port: 1)
        answer(&table, 1, endpoint: dead)
        table.failed(id: makeFarID(1), endpoint: dead)
        #expect(answer(&table, 2, endpoint: living) == .replaced)
        #expect(table.contains(id: makeFarID(2), endpoint: living))
        #expect(table.count == 1)
    }

    @Test func aNeighbourThatWaitsHasTheDoubtfulOneAsked() {
        var table = makeTable()
        answer(&table, 1, endpoint: Endpoint(12, 0, 0, 1, port: 1))
        let later = 16 * 60_000
        let neighbour = Endpoint(12, 0, 0, 2, port: 1)
        guard
            case .waiting(let doubtful?) = answer(&table, 2, at: later, endpoint: neighbour)
        else {
            Issue.record("nobody is doubted")
            return
        }
        #expect(doubtful.id == makeFarID(1))
    }

    @Test func aCrowdThatWaitsDrivesOutNobodyWhoWaits() {
        var table = makeTable()
        for number in 0..<8 { answer(&table, number) }
        let patient = makeEndpoint(100)
        #expect(answer(&table, 100, endpoint: patient) == .waiting(doubtful: nil))
        for number in 2..<200 {
            let endpoint = Endpoint(11, 0, 3, UInt8(number), port: 1)
            answer(&table, 1_000 + number, endpoint: endpoint)
        }
        // The last that came waits for its neighbour alone.
        table.failed(id: makeFarID(5), endpoint: makeEndpoint(5))
        #expect(table.contains(id: makeFarID(100), endpoint: patient))
        #expect(table.brokenInvariant == nil)
    }

    @Test func sharedNetworksAreAllowedOnRequest() {
        var table = makeTable(shared: true)
        for number in 0..<8 {
            let endpoint = Endpoint(127, 0, 0, 1, port: UInt16(7_000 + number))
            #expect(answer(&table, number, endpoint: endpoint) == .added)
        }
    }

    @Test(arguments: 1...20)
    func closestAreThoseOfAFullSort(seed: UInt64) {
        var generator = SeededRandom(seed: seed)
        let own = NodeID.random(using: &generator)
        var table = RoutingTable(own: own, settings: RoutingSettings())
        for number in 0..<400 {
            let shared = Int(generator.next() % 12)
            let id = own.randomNeighbour(sharing: shared, using: &generator)
            _ = table.answered(
                id: id,
                endpoint: makeEndpoint(number),
                after: .milliseconds(1),
                at: makeTime(0)
            )
        }
        var closest: [Contact] = []
        for _ in 0..<20 {
            let shared = Int(generator.next() % 14)
            let target = own.randomNeighbour(sharing: shared, using: &generator)
            table.closest(to: target, count: 8, into: &closest)
            let expected = table.contacts
                .sorted { $0.id.distance(to: target) < $1.id.distance(to: target) }
                .prefix(8)
            #expect(closest.map(\.id) == expected.map(\.id), "seed \(seed)")
        }
        #expect(table.brokenInvariant == nil)
    }

    @Test func firstBucketsAreLarger() {
        let table = RoutingTable(own: own, settings: RoutingSettings())
        #expect((0..<6).map { table.capacity(of: $0) } == [512, 256, 128, 64, 32, 16])
    }

    @Test func everyDoubtfulContactHasItsTurn() {
        var table = makeTable()
        for number in 1...5 { answer(&table, number) }
        let later = makeTime(20 * 60_000)
        let turns = (0..<6).map { _ in
            table.takeMostDoubtful(at: later, notAskedSince: later)?.endpoint
        }
        #expect(Set(turns.prefix(5).compactMap(\.self)).count == 5)
        #expect(turns[5] == nil)
    }

    /// Our id stands in every query, so anyone can make one that resembles it.
    @Test func aNodeNextToTheOwnIDMakesNoWorkOutOfEmptyBuckets() {
        var table = makeTable()
        var generator = SeededRandom(seed: 1)
        for number in 0..<40 {
            let endpoint = Endpoint(10, 0, UInt8(number), 1, port: 6_881)
            _ = table.answered(
                id: own.randomNeighbour(sharing: number % 4, using: &generator),
                endpoint: endpoint,
                after: .zero,
                at: makeTime(0)
            )
        }
        let before = table.depth
        _ = table.answered(
            id: own.randomNeighbour(sharing: 159, using: &generator),
            endpoint: Endpoint(10, 1, 0, 1, port: 6_881),
            after: .zero,
            at: makeTime(0)
        )
        #expect(table.count(inBucket: 159) == 1)
        #expect(table.depth <= before + 1)
    }

    @Test func staleBucketIsNamedOnce() {
        var table = makeTable()
        answer(&table, 1)
        let later = makeTime(15 * 60_000 + 1)
        #expect(table.takeStaleBucket(at: makeTime(1_000), after: .minutes(15)) == nil)
        #expect(table.takeStaleBucket(at: later, after: .minutes(15)) == 0)
        #expect(table.takeStaleBucket(at: later, after: .minutes(15)) == nil)
    }

    @Test(arguments: 1...10)
    func randomHistoriesKeepTheRules(seed: UInt64) {
        var generator = SeededRandom(seed: seed)
        var table = RoutingTable(own: own, settings: RoutingSettings())
        for step in 0..<2_000 {
            let number = Int(generator.next() % 600)
            let id = NodeID(
                high: UInt64.max >> UInt64(number % 9) ^ UInt64(number) << 20,
                middle: UInt64(number),
                low: 0
            )
            // Every seventh number shares its network with the one before.
            let endpoint = Endpoint(
                11,
                UInt8(number >> 8),
                UInt8(number & 255),
                UInt8(number % 7 + 1),
                port: UInt16(1 + generator.next() % 2)
            )
            if generator.next() % 4 == 0 {
                table.failed(id: id, endpoint: endpoint)
            } else {
                _ = table.answered(id: id, endpoint: endpoint, after: .zero, at: makeTime(step))
            }
        }
        #expect(table.brokenInvariant == nil, "seed \(seed)")
    }
}

import DHTCore
import Testing

@testable import IndexService

@Suite struct DHTMetricsTests {
    @Test func everyReasonOfADropHasASeriesOfItsOwn() throws {
        let metrics = Metrics()
        var counters = DHTCounters()
        for reason in DropReason.allCases { counters.drop(reason, count: reason.rawValue + 1) }
        metrics.readDHT { [counters] in DHTStatus(id: .zero, counters: counters) }
        let exposition = try Exposition(metrics.exposition())
        for reason in DropReason.allCases {
            let name =
                reason.isOfDatagram ? "dht_datagrams_dropped_total" : "dht_entries_dropped_total"
            let expected = Double(reason.rawValue + 1)
            #expect(exposition.value(name, "reason=\(reason.text)") == expected, "\(reason)")
        }
    }

    @Test func nothingDroppedIsShownAsZero() throws {
        let exposition = try Exposition(Metrics().exposition())
        for (name, reasons) in [
            ("dht_datagrams_dropped_total", DropReason.ofDatagrams),
            ("dht_entries_dropped_total", DropReason.ofEntries),
        ] {
            for reason in reasons {
                #expect(exposition.value(name, "reason=\(reason.text)") == 0, "\(reason)")
            }
        }
    }

    @Test func everyLimitOfOurOwnHasASeriesForCallersAndOneForTheOthers() throws {
        let metrics = Metrics()
        var counters = DHTCounters()
        var count = 0
        var expected: [(limit: PacingLimit, lookup: LookupPriority, count: Int)] = []
        for limit in PacingLimit.allCases {
            for priority in LookupPriority.allCases {
                count += 1
                for _ in 0..<count { counters.holdBack(by: limit, priority) }
                expected.append((limit, priority, count))
            }
        }
        metrics.readDHT { [counters] in DHTStatus(id: .zero, counters: counters) }
        let exposition = try Exposition(metrics.exposition())
        for (limit, lookup, count) in expected {
            let labels = "limit=\(limit.text),lookup=\(lookup.text)"
            let value = exposition.value("dht_queries_held_back_total", labels)
            #expect(value == Double(count), "\(labels)")
        }
    }

    @Test func queriesAndContactsAreThoseOfTheClient() throws {
        let metrics = Metrics()
        var counters = DHTCounters()
        counters.queriesAnswered = 5
        counters.queriesTimedOut = 4
        counters.queriesRefused = 2
        counters.queriesUnsent = 1
        var status = DHTStatus(id: .zero, counters: counters)
        status.v4.good = 7
        status.v6.questionable = 6
        metrics.readDHT { [status] in status }
        let exposition = try Exposition(metrics.exposition())
        #expect(exposition.value("dht_queries_total", "result=ok") == 5)
        #expect(exposition.value("dht_queries_total", "result=timeout") == 4)
        #expect(exposition.value("dht_queries_total", "result=error") == 3)
        #expect(exposition.value("dht_nodes", "state=good") == 7)
        #expect(exposition.value("dht_nodes", "state=dubious") == 6)
    }
}

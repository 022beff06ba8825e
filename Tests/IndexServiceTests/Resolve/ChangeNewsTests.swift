import Testing

@testable import IndexService

/// What has changed is told, once, and nothing else is.
@Suite(.timeLimit(.minutes(1))) struct ChangeNewsTests {
    private static let id = SampleIndex.manifestID
    private static let other = SampleIndex.providedID

    private func makeIDs(_ names: String...) throws -> Set<ProviderID> {
        Set(try names.map { try ProviderID(parsing: $0) })
    }

    @Test func aSetOfProvidersIsNewsWhenAnotherOneWasKnown() async throws {
        let (bus, metrics, id) = (EventBus { _ in }, Metrics(), makeContentID())
        let news = ChangeNews(metrics: metrics, bus: bus)
        let events = bus.subscribe()
        for set in [["a"], ["a"], ["a", "b"], ["b", "a"], ["a"], []] {
            news.providers(of: id, are: Set(try set.map { try ProviderID(parsing: $0) }))
        }
        // After a write the next look finds what was told.
        news.tell(IndexChanges(providerSets: [id]))
        try news.providers(of: id, are: makeIDs("c"))
        try news.providers(of: id, are: makeIDs("d"))
        try news.providers(of: makeContentID("another"), are: makeIDs("e"))
        bus.finish()
        var told: [IndexEvent] = []
        for await event in events { told.append(event.event) }
        #expect(told == Array(repeating: .providerSetChanged(id), count: 5))
        let exposition = try Exposition(metrics.exposition())
        #expect(exposition.value("index_provider_set_changes_total") == 5)
    }

    @Test func aKeyNameIsNewsWhenItsRecordLeadsElsewhere() async throws {
        let bus = EventBus { _ in }
        let news = ChangeNews(metrics: Metrics(), bus: bus)
        let events = bus.subscribe()
        let name = try makeName(SampleIndex.keyName)
        for text in ["a", "a", "b", nil, nil, "b"] {
            news.keyName(name, leadsTo: text.map { makeContentID($0) })
        }
        bus.finish()
        var told: [IndexEvent] = []
        for await event in events { told.append(event.event) }
        #expect(told == Array(repeating: .nameChanged(name), count: 3))
    }

    private enum Told { case name, providers }

    @Test func anAdminRequestTellsWhatItChangedAndNothingElse() async throws {
        let (id, other) = (Self.id, Self.other)
        let keys = #"{"keys":["n"]}"#
        let line = #"{"name":"i","manifest_cid":"\#(other)","providers":[{"addr":"x:1"}]}"#
        let both = #"{"name":"i","manifest_cid":"\#(id)"}"#
        func provider(_ fields: String) -> WireRequest {
            .admin("PUT", "/admin/providers/\(id)", json: #"{"id":"p",\#(fields)}"#)
        }
        let rows: [(request: WireRequest, status: Int, told: [Told])] = [
            (SampleIndex.name("n", id), 201, [.name]),
            (SampleIndex.name("n", id), 200, []),
            (SampleIndex.name("n", id, more: #","ttl_s":9"#), 200, []),
            (SampleIndex.name("n", other).with("If-Match", "\"99\""), 412, []),
            (SampleIndex.name("n", other), 200, [.name]),
            (.admin("POST", "/admin/pin", json: keys), 200, []),
            (.admin("POST", "/admin/unpin", json: keys), 200, []),
            (.admin("POST", "/admin/reindex", json: keys), 202, []),
            (.admin("DELETE", "/admin/names/n"), 204, [.name]),
            (.admin("DELETE", "/admin/names/n"), 404, []),
            (provider(#""addr":"x:1""#), 201, [.providers]),
            (provider(#""addr":"x:1","ttl_s":900"#), 200, []),
            (provider(#""addr":"x:2""#), 200, [.providers]),
            (provider(#""addr":"x:2","region":"eu""#), 200, [.providers]),
            (.admin("DELETE", "/admin/providers/\(id)?id=p"), 204, [.providers]),
            (.admin("DELETE", "/admin/providers/\(id)?id=p"), 404, []),
            (SampleIndex.lines(line), 200, [.name, .providers]),
            (SampleIndex.lines(line), 200, []),
            (SampleIndex.lines("no line"), 200, []),
            (SampleIndex.lines(both), 200, [.name]),
        ]
        try await withService { service in
            let bus = service.application.bus
            let events = bus.subscribe()
            var reader = events.makeAsyncIterator()
            var changes = 0
            for row in rows {
                let status = try await service.ask(row.request).status
                bus.publish(.configUpdated([row.request.target]))
                var told: [Told] = []
                reading: while let event = await reader.next()?.event {
                    switch event {
                    case .nameChanged: told.append(.name)
                    case .providerSetChanged: told.append(.providers)
                    case .configUpdated: break reading
                    case .resolved, .readinessChanged, .heartbeat: continue
                    }
                }
                let label = Comment(rawValue: "\(row.request.method) \(row.request.target)")
                #expect(status == row.status, label)
                #expect(told == row.told, label)
                changes += told.count { $0 == .providers }
                #expect(try service.metric("index_provider_set_changes_total") == Double(changes))
            }
        }
    }

    @Test func oneChangeThatManyQuestionsShowIsCountedOnce() async throws {
        try await withService { service async throws in
            func changes(after provider: String) async throws -> Double {
                _ = try await service.ask(SampleIndex.provider(provider, of: Self.id, region: nil))
                for limit in 1...5 {
                    _ = try await service.get("/resolve/\(Self.id)?limit=\(limit)")
                    _ = try await service.get("/providers/\(Self.id)?min_freshness=\(limit)")
                }
                return try service.metric("index_provider_set_changes_total")
            }
            #expect(try await changes(after: "a") == 1)
            #expect(try await changes(after: "b") == 2)
            #expect(try await changes(after: "b") == 2)
        }
    }
}

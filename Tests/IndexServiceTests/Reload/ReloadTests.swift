import Logging
import Testing

@testable import IndexService

/// What a reload does to a running service.
@Suite(.timeLimit(.minutes(1))) struct ReloadTests {
    @Test("the table of what a reload changes has the keys that the schema says it has")
    func tableIsComplete() async throws {
        try await withService { service in
            let reloader = try #require(service.application.reloader)
            let schema = SettingsSchema.current.rows.filter(\.canReload).map(\.key)
            #expect(reloader.reloadableKeys.sorted() == schema.sorted())
        }
    }

    @Test func whatChangedIsTakenOverToldAndLogged() async throws {
        try await withService { service in
            let events = service.application.bus.subscribe()
            try await service.reload { settings in
                settings.cache.entries = 7
                settings.http.maxConnections = 3
            }
            let settings = try #require(service.application.reloader).effective.settings
            #expect(settings.cache.entries == 7)
            #expect(settings.http.maxConnections == 1024)
            let event = await events.first { _ in true }?.event
            #expect(event == .configUpdated(["cache.entries"]))
            let records = service.log.records
            let change = try #require(records.first { $0.message == "a setting changed" })
            #expect(change.metadata["key"] == "cache.entries")
            #expect(change.metadata["old"] == "20000")
            #expect(change.metadata["new"] == "7")
            let restart = records.filter { $0.message == "a setting changes only with a restart" }
            #expect(restart.map { $0.metadata["key"] } == ["http.max_connections"])
        }
    }

    @Test func aMistakeChangesNothingAndAllOfItIsLogged() async throws {
        try await withService { service in
            try await service.wait(for: "/readyz") { $0.status == 200 }
            service.source.spoil(with: [
                SettingsProblem("cache.entries", .outOfRange, value: "0"),
                SettingsProblem("rank.half", .unknown(hint: nil)),
            ])
            try await service.reload { $0.cache.entries = 7 }
            let problems = service.log.records.compactMap { $0.metadata["problem"] }
            #expect(problems == ["cache.entries: 0 is not allowed", "rank.half: unknown"])
            let effective = try #require(service.application.reloader).effective
            #expect(effective.settings.cache.entries == 20_000)
            #expect(service.application.readiness.report(at: .now()).isReady)
            service.source.spoil(with: [])
            try await service.reload()
            let later = try #require(service.application.reloader).effective
            #expect(later.settings.cache.entries == 7)
        }
    }

    /// So the stop is not held up either, and nothing is changed after it.
    @Test func aReloadThatHangsIsGivenUpWhenItsTaskIs() async throws {
        try await withService { service in
            let release = service.source.stall()
            defer { release() }
            let reload = Task { try await service.reload { $0.cache.entries = 7 } }
            try await service.wait(for: "/readyz") { $0.fields["missing.0"] == "config_loaded" }
            reload.cancel()
            try await reload.value
            try await service.wait(for: "/readyz") { $0.status == 200 }
            let effective = try #require(service.application.reloader).effective
            #expect(effective.settings.cache.entries == 20_000)
        }
    }

    @Test func aTokenFileThatCannotBeUsedChangesNothing() async throws {
        try await withService { service in
            try await service.reload { settings in
                settings.auth.tokenFile = "/nowhere/token"
                settings.cache.entries = 7
            }
            let effective = try #require(service.application.reloader).effective
            #expect(effective.settings.cache.entries == 20_000)
            let answer = try await service.ask(.admin("GET", "/admin/names"))
            #expect(answer.status == 200)
        }
    }

    @Test func aNewTokenTakesThePlaceOfTheOld() async throws {
        let directory = try TemporaryDirectory()
        try await withService { settings in
            settings.auth.tokenFile = try? directory.write("the-first-token-of-two", to: "token")
        } _: { service in
            let ask = WireRequest("GET", "/admin/names")
            func status(_ token: String) async throws -> Int {
                try await service.ask(ask.with("Authorization", "Bearer \(token)")).status
            }
            #expect(try await status("the-first-token-of-two") == 200)
            _ = try directory.write("the-second-token-of-two", to: "token")
            try await service.reload()
            #expect(try await status("the-first-token-of-two") == 401)
            #expect(try await status("the-second-token-of-two") == 200)
            #expect(!service.log.records.contains { $0.text.contains("second-token") })
        }
    }

    @Test func otherRanksEndTheAnswersThatWereMadeByTheOldOnes() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let request = WireRequest("GET", "/resolve/libc6")
            #expect(try await service.ask(request).number("providers_total") == 7)
            try await service.reload { settings in
                settings.rank.deny = (0..<5).compactMap {
                    try? AddressPattern(parsing: "p\($0).example")
                }
            }
            let answer = try await service.ask(request)
            #expect(answer["Cache-Status"]?.contains("fwd=miss") == true)
            #expect(answer.number("providers_total") == 2)
        }
    }

    @Test func fewerPlacesHoldFromThenOn() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            try await service.reload { settings in
                settings.limits.running = 1
                settings.limits.waiting = 0
            }
            let statuses = try await withBlockedStore(service) { release in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for name in ["libc6", "unheld"] {
                        group.addTask {
                            try await service.ask(WireRequest("GET", "/resolve/\(name)")).status
                        }
                    }
                    // The one that is refused comes first; the other waits for the store.
                    let first = try await group.next()
                    release()
                    return [first, try await group.next()]
                }
            }
            #expect(statuses == [429, 200])
        }
    }

    @Test func theTimeOfARequestChanges() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            try await service.reload { $0.http.requestTimeout = .milliseconds(100) }
            let answer = try await withBlockedStore(service) { release in
                let answer = try await service.ask(WireRequest("GET", "/resolve/libc6"))
                release()
                return answer
            }
            #expect(answer.status == 504)
        }
    }

    @Test func theRateOfAnAddressIsSwitchedOnAndOff() async throws {
        try await withService { service in
            let request = WireRequest("GET", "/resolve/nothing?fresh=true")
            let many = Array(repeating: request, count: 4)
            #expect(try await service.ask(many).map(\.status) == [404, 404, 404, 404])
            try await service.reload { settings in
                settings.rateLimit.enabled = true
                settings.rateLimit.burst = 1
                settings.rateLimit.perSecond = 1
            }
            #expect(try await service.ask(many).map(\.status).contains(429))
            try await service.reload { $0.rateLimit.enabled = false }
            #expect(try await service.ask(many).map(\.status) == [404, 404, 404, 404])
        }
    }

    @Test func theLogTakesWhatItsNewLevelSays() async throws {
        try await withService { service in
            try await service.reload { $0.log.level = .error }
            #expect(service.source.threshold.level == .error)
        }
    }

    @Test func aLoggerFollowsTheThresholdUnlessItIsQuieter() {
        let threshold = LogThreshold(.info)
        var handler = JSONLogHandler(
            label: "l",
            format: JSONLogFormat(),
            writer: LogLineWriter.standardError { _ in [] },
            threshold: threshold
        )
        #expect(handler.logLevel == .info)
        threshold.level = .debug
        #expect(handler.logLevel == .debug)
        handler.logLevel = .warning
        #expect(handler.logLevel == .warning)
        threshold.level = .error
        #expect(handler.logLevel == .error)
    }

    @Test func aSmallerCacheLetsGoOfWhatDoesNotFit() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for limit in 1...20 {
                _ = try await service.ask(WireRequest("GET", "/resolve/libc6?limit=\(limit)"))
            }
            #expect(try service.metric("index_cache_entries") == 20)
            try await service.reload { $0.cache.entries = 5 }
            #expect(try service.metric("index_cache_entries") <= 5)
            let answer = try await service.ask(WireRequest("GET", "/resolve/libc6"))
            #expect(answer.status == 200)
        }
    }

    @Test func otherProvidersAreToldOnTheBus() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let request = WireRequest("GET", "/resolve/libc6")
            _ = try await service.ask(request)
            let events = service.application.bus.subscribe()
            _ = try await service.ask(
                SampleIndex.provider("another", of: SampleIndex.manifestID, region: nil)
            )
            _ = try await service.ask(request)
            let id = try ContentID(parsing: SampleIndex.manifestID)
            let told = await events.first { $0.event == .providerSetChanged(id) }
            #expect(told != nil)
        }
    }
}

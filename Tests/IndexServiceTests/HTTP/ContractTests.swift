import Testing

@testable import IndexService

/// The contract as a table, over real sockets: every row, every way of asking.
@Suite struct ContractTests {
    @Test func readsAnswerTheSameHoweverTheyAreAsked() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for row in ContractRow.resolving + ContractRow.providing + ContractRow.manifests {
                try await check(row, every: WayOfAsking.allCases, on: service)
            }
        }
    }

    @Test func whatIsWrongOrAbsentIsSaidTheSameHoweverItIsAsked() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let rows =
                ContractRow.absentKeys + ContractRow.malformedKeys + ContractRow.malformedParameters
            for row in rows { try await check(row, every: WayOfAsking.allCases, on: service) }
        }
    }

    @Test func everyRouteTakesItsMethodsAndNoOther() async throws {
        try await withService { service in
            try await waitUntilReady(service)
            for row in ContractRow.ops {
                try await check(row, every: WayOfAsking.allCases, on: service)
            }
            for row in ContractRow.unknownPaths + ContractRow.otherMethods {
                let ways: [WayOfAsking] =
                    row.request.target.hasPrefix("/") ? [.first, .http10] : [.first]
                try await check(row, every: ways, on: service)
            }
        }
    }

    @Test func adminAnswersAndRefusesAsTheContractSays() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for row in ContractRow.adminAnswers + ContractRow.refusedBodies {
                let ways: [WayOfAsking] =
                    row.request.method == "GET" ? WayOfAsking.allCases : [.first, .absoluteForm]
                try await check(row, every: ways, on: service)
            }
        }
    }

    private func waitUntilReady(_ service: RunningService) async throws {
        // The store is measured for the first time just after the start.
        while try await service.ask(WireRequest("GET", "/readyz")).status != 200 {}
    }

    /// Asks a row in each way; all answers must agree with the row and with each other.
    private func check(
        _ row: ContractRow,
        every ways: [WayOfAsking],
        on service: RunningService,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        var first: WireResponse?
        for way in ways {
            let answer = try await ask(row, way, service)
            row.check(answer, way: way, sourceLocation: sourceLocation)
            guard let first else {
                first = answer
                continue
            }
            let label = Comment(rawValue: "\(row.name), \(way):\n\(first.text)\n\(answer.text)")
            for name in ["ETag", "Content-Type", "Content-Length", "Cache-Control", "Allow"] {
                #expect(answer[name] == first[name], label, sourceLocation: sourceLocation)
            }
            if way != .head {
                #expect(answer.body == first.body, label, sourceLocation: sourceLocation)
            }
        }
    }

    private func ask(
        _ row: ContractRow,
        _ way: WayOfAsking,
        _ service: RunningService
    ) async throws -> WireResponse {
        let request = way.shape(row.request).with("X-Corr-ID", "row-1")
        switch way {
        case .first:
            let answers = try await service.ask(SampleIndex.purgeAll, request)
            return answers[1]
        case .pipelined:
            return try await service.connected { connection in
                let ahead = WireRequest("GET", "/version")
                try connection.send(ahead.bytes + request.bytes)
                _ = try connection.response()
                return try connection.response(to: request.method)
            }
        case .again, .absoluteForm, .http10, .head:
            return try await service.ask(request)
        }
    }
}

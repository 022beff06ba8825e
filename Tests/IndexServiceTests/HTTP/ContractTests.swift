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
            try await service.wait(for: "/readyz") { $0.status == 200 }
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

    /// Asks a row in each way; all answers must agree with the row and with each other.
    private func check(
        _ row: ContractRow,
        every ways: [WayOfAsking],
        on service: RunningService,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answers = try await ask(row, ways, service)
        var first: WireResponse?
        for (way, answer) in zip(ways, answers) {
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

    /// The answers to a row in each way; only HTTP/1.0 and refused bodies need new connections.
    private func ask(
        _ row: ContractRow,
        _ ways: [WayOfAsking],
        _ service: RunningService
    ) async throws -> [WireResponse] {
        let port = service.port
        return try await onOwnThread {
            var connection = try RawConnection(port: port)
            return try ways.map { way in
                let request = way.shape(row.request).with("X-Corr-ID", "row-1")
                switch way {
                case .first:
                    try connection.send(SampleIndex.purgeAll)
                    _ = try connection.response()
                    try connection.send(request)
                case .pipelined:
                    try connection.send(WireRequest("GET", "/version").bytes + request.bytes)
                    _ = try connection.response()
                case .again, .absoluteForm, .http10, .head:
                    try connection.send(request)
                }
                let answer = try connection.response(to: request.method)
                if answer["Connection"] == "close" { connection = try RawConnection(port: port) }
                return answer
            }
        }
    }
}

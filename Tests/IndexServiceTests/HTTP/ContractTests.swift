import Foundation
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
                let isPath = row.request.target.hasPrefix("/")
                let shapes: [WayOfAsking.Shape] = isPath ? [.plain, .http10] : [.plain]
                try await check(row, every: WayOfAsking.once(shapes), on: service)
            }
        }
    }

    @Test func adminAnswersAndRefusesAsTheContractSays() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for row in ContractRow.adminAnswers + ContractRow.refusedBodies {
                let isRead = row.request.method == "GET"
                let others = WayOfAsking.once([.plain, .absoluteForm])
                let ways = isRead ? WayOfAsking.allCases : others
                try await check(row, every: ways, on: service)
            }
        }
    }

    /// Whatever is peculiar about a request: RAM having an answer to its question changes nothing.
    @Test func whatRAMHasIsJudgedAsWhatItHasNot() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            for target in ["/resolve/libc6", "/providers/\(SampleIndex.manifestID)"] {
                for row in ContractRow.peculiar(target) {
                    let pairs = try await askWithProof(row, about: target, service)
                    for (way, (answer, proof)) in zip(WayOfAsking.firstAndAgain, pairs) {
                        row.check(answer, way: way, sourceLocation: #_sourceLocation)
                        // A refusal has left nothing in the cache, nor taken anything out of it.
                        let detail = way.isHit || row.code == nil ? "hit; detail=ram" : "fwd=miss"
                        let label = Comment(rawValue: "\(target), \(row.name), \(way)")
                        #expect(proof["Cache-Status"]?.contains(detail) == true, label)
                    }
                    expectSame(pairs[0].answer, pairs[1].answer, row.name)
                }
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
        let answers = Array(zip(ways, try await ask(row, ways, service)))
        for (way, answer) in answers {
            row.check(answer, way: way, sourceLocation: sourceLocation)
            if let first = answers.first(where: { $0.0.shape == way.shape })?.1 {
                expectSame(first, answer, "\(row.name), \(way)", sourceLocation)
            }
            let first = answers[0].1
            let label = Comment(rawValue: "\(row.name), \(way):\n\(first.text)\n\(answer.text)")
            for name in ["ETag", "Content-Type", "Content-Length", "Cache-Control", "Allow"] {
                #expect(answer[name] == first[name], label, sourceLocation: sourceLocation)
            }
            if way.shape != .head {
                #expect(answer.body == first.body, label, sourceLocation: sourceLocation)
            }
        }
    }

    /// Expects that two answers differ in nothing but where they came from and when.
    private func expectSame(
        _ first: WireResponse,
        _ second: WireResponse,
        _ name: String,
        _ sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let label = Comment(rawValue: "\(name):\n\(first.head)\n\(second.head)")
        let changing: Set = ["Cache-Status", "Age", "Date"]
        let texts = [first, second].map { answer in
            let head = answer.head.components(separatedBy: "\r\n").filter { line in
                !changing.contains(String(line.prefix { $0 != ":" }))
            }
            // Whoever sends too much of a head has not said what the request is called.
            let id = answer["X-Corr-ID"] ?? ""
            return (head.sorted() + [answer.text]).map { $0.replacing(id, with: "ID") }
        }
        #expect(texts[0] == texts[1], label, sourceLocation: sourceLocation)
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
                if !way.isHit { try Self.purge(connection) }
                let isPipelined = way.shape == .pipelined
                let others = isPipelined ? WireRequest("GET", "/version").bytes : []
                try connection.send(others + request.bytes + others)
                if isPipelined { _ = try connection.response() }
                let answer = try connection.response(to: request.method)
                if isPipelined { _ = try connection.response() }
                if answer["Connection"] == "close" { connection = try RawConnection(port: port) }
                return answer
            }
        }
    }

    /// The answers to a row with and without an answer about `target` in RAM, and what came to a
    /// plain question about it behind each of them.
    private func askWithProof(
        _ row: ContractRow,
        about target: String,
        _ service: RunningService
    ) async throws -> [(answer: WireResponse, proof: WireResponse)] {
        let port = service.port
        return try await onOwnThread {
            var connection = try RawConnection(port: port)
            return try WayOfAsking.firstAndAgain.map { way in
                let request = way.shape(row.request).with("X-Corr-ID", "row-1")
                if !way.isHit { try Self.purge(connection) }
                try connection.send(request)
                var answer = try connection.response(to: request.method)
                if answer.status == 100 { answer = try connection.response(to: request.method) }
                if answer["Connection"] == "close" {
                    try connection.requireEnd()
                    connection = try RawConnection(port: port)
                }
                try connection.send(WireRequest("GET", target))
                return (answer, try connection.response())
            }
        }
    }

    private static func purge(_ connection: RawConnection) throws {
        try connection.send(SampleIndex.purgeAll)
        _ = try connection.response()
    }
}

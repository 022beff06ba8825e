import Testing

@testable import IndexService

/// Who may use the admin routes.
@Suite struct AdminAccessTests {
    @Test func withoutATokenFileTheAdminRoutesAreForbiddenAndSayHowToEnableThem() async throws {
        try await withService(hasToken: false) { service in
            for request in ContractRow.adminRequests {
                let answer = try await service.ask(request)
                let label = Comment(rawValue: "\(request.method) \(request.target)")
                #expect(answer.status == 403, label)
                checkProblem(answer, code: "forbidden", label)
                #expect(answer.text.contains("--auth-token-file"), label)
            }
            let head = try await service.ask(.admin("HEAD", "/admin/names"))
            #expect(head.status == 403)
        }
    }

    @Test func withoutTheRightTokenNothingIsChanged() async throws {
        try await withService { service in
            try await SampleIndex.fill(service)
            let token = RunningService.token
            let credentials: [String?] = [
                nil, "", "Bearer", "Bearer ", "Bearer \(token.dropLast())", "Bearer \(token)x",
                "Bearer \(token.uppercased())", "Basic \(token)", token, "Bearer\(token)",
                "Bearer \(token), Bearer \(token)", "Bearer \"\(token)\"",
            ]
            for request in ContractRow.adminRequests {
                let attempts = credentials.map { request.withCredential($0) }
                let answers = try await service.ask(attempts)
                for (credential, answer) in zip(credentials, answers) {
                    let label = Comment(rawValue: "\(request.target) \(credential ?? "no header")")
                    #expect(answer.status == 401, label)
                    #expect(answer["WWW-Authenticate"] == "Bearer realm=\"svc-index\"", label)
                    checkProblem(answer, code: "unauthorized", label)
                }
            }
            let name = try #require(try service.application.store.name(Name(parsing: "libc6")))
            #expect(name.version == 1)
            #expect(try service.metric("rejected_total", "reason=unauth") >= 120)
        }
    }

    @Test func theSchemesNameIsCaseInsensitive() async throws {
        try await withService { service in
            let request = WireRequest("GET", "/admin/names")
            for scheme in ["Bearer", "bearer", "BEARER"] {
                let credential = "\(scheme) \(RunningService.token)"
                let answer = try await service.ask(request.with("Authorization", credential))
                #expect(answer.status == 200)
            }
        }
    }

    @Test func twoCredentialsAreNone() async throws {
        try await withService { service in
            let request = WireRequest.admin("GET", "/admin/names")
            let answer = try await service.ask(request.with("Authorization", "Bearer wrong"))
            #expect(answer.status == 401)
        }
    }
}

extension WireRequest {
    fileprivate func withCredential(_ credential: String?) -> WireRequest {
        var request = self
        request.headers.removeAll { $0.name == "Authorization" }
        if let credential { request.headers.append(("Authorization", credential)) }
        return request
    }
}

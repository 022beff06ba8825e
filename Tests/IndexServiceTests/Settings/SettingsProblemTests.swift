import Testing

@testable import IndexService

@Suite struct SettingsProblemTests {
    @Test("all mistakes of all sources are told at once, each with its place")
    func allAtOnce() {
        let file = """
            [http]
            bind = "0.0.0.0"
            idle_timout_s = 5

            [cache]
            entries = "many"
            """
        let problems = settingsProblems(
            "stray",
            "--db-readers",
            "0",
            "--cache-shards",
            environment: [
                "SVC_INDEX_LOG_LEVEL": "loud", "SVC_INDEX_LOG_LEVLE": "info",
            ],
            file: file,
            profile: "nano"
        )
        let told = problems.map(\.description)
        let place =
            problems.compactMap { problem -> String? in
                guard case .file(let path, _) = problem.origin else { return nil }
                return path
            }.first ?? "?"
        #expect(
            Set(told) == [
                "profile: \"nano\" is not allowed (from --profile); allowed: micronode, macronode",
                "\"stray\": not expected; settings are written --key value",
                "cache.shards: needs a value (from --cache-shards); allowed: 0 to 1024",
                "db.readers: \"0\" is not allowed (from --db-readers); allowed: 1 to 64",
                "SVC_INDEX_LOG_LEVLE: unknown; did you mean SVC_INDEX_LOG_LEVEL?",
                "log.level: \"loud\" is not allowed (from SVC_INDEX_LOG_LEVEL); "
                    + "allowed: trace, debug, info, notice, warning, error",
                "http.idle_timout_s: unknown (from \(place):3); did you mean http.idle_timeout_s?",
                "http.bind: \"0.0.0.0\" has no port (from \(place):2); "
                    + "allowed: address:port, [IPv6]:port",
                "cache.entries: \"many\" is not a whole number (from \(place):6); "
                    + "allowed: 1 to 100000000",
            ]
        )
    }

    @Test("a wrong value is told also where another source overrules it")
    func overruledIsChecked() {
        let problems = settingsProblems(
            "--db-readers=3",
            environment: ["SVC_INDEX_DB_READERS": "x"]
        )
        #expect(problems.map(\.subject) == ["db.readers"])
        #expect(problems.first?.origin == .environment(variable: "SVC_INDEX_DB_READERS"))
    }

    @Test(
        "an unknown key names the nearest one",
        arguments: [
            ("--cache-entreis", "did you mean --cache-entries?"),
            ("--cache.entries", "did you mean --cache-entries?"),
            ("--log-lvl", "did you mean --log-level?"),
        ]
    )
    func unknownFlag(flag: String, hint: String) {
        let problems = settingsProblems(flag, "5")
        #expect(problems.map(\.description) == ["\(flag): unknown; \(hint)"])
    }

    @Test("an unknown key that is near to none gets no hint, and its value is not shown")
    func unknownWithoutHint() {
        let problems = settingsProblems("--zzzzzzzzzzzz=hunter2")
        #expect(problems.map(\.description) == ["--zzzzzzzzzzzz: unknown"])
    }

    @Test(
        "keys of the file are unknown by their whole name",
        arguments: [
            ("entries = 1", "entries"), ("[cache]\nentrys = 1", "cache.entrys"),
            ("[cash]\nentries = 1", "cash"), ("[cache.entries]\nx = 1", "cache.entries"),
            ("\"cache.entries\" = 1", "\"cache.entries\""), ("cache = 1", "cache"),
            ("[[cache]]\nentries = 1", "cache"), ("\"a b\" = 1", "a b"), ("[foo]", "foo"),
        ]
    )
    func unknownInFile(content: String, name: String) {
        #expect(settingsProblems(file: content).map(\.subject) == [name])
    }

    @Test("a group written as a value is told to be a table")
    func groupAsValue() throws {
        let problem = try #require(settingsProblems(file: "\ncache = 1").first)
        #expect(problem.reason == .unknown(hint: "it is a table, written [cache]"))
        guard case .file(_, let line) = problem.origin else { throw problem }
        #expect(line == 2)
    }

    @Test("a file of nothing but unknown keys is told in part")
    func unknownKeysAreLimited() {
        let file = (0..<1000).map { "k\($0) = 1\n" }.joined()
        let problems = settingsProblems(file: file)
        #expect(problems.count == 51)
        #expect(problems.last?.reason == .more)
    }

    @Test("variables that Kubernetes sets for a Service of this name are left alone")
    func serviceLinks() throws {
        let environment = [
            "SVC_INDEX_SERVICE_HOST": "10.0.0.1", "SVC_INDEX_SERVICE_PORT": "5304",
            "SVC_INDEX_SERVICE_PORT_HTTP": "5304", "SVC_INDEX_PORT": "tcp://10.0.0.1:5304",
            "SVC_INDEX_PORT_5304_TCP": "tcp://10.0.0.1:5304",
            "SVC_INDEX_PORT_5304_TCP_PROTO": "tcp", "SVC_INDEX_PORT_5304_TCP_PORT": "5304",
            "SVC_INDEX_PORT_5304_TCP_ADDR": "10.0.0.1", "PATH": "/bin", "SVC_OTHER": "x",
        ]
        #expect(try readSettings(environment: environment).settings == Settings())
        #expect(!settingsProblems(environment: ["SVC_INDEX_PORT_X_TCP": "1"]).isEmpty)
        #expect(!settingsProblems(environment: ["SVC_INDEX_PORTS": "1"]).isEmpty)
    }

    @Test(
        "wrong types are refused, not turned into something near",
        arguments: [
            "[cache]\nentries = 1.0", "[cache]\nentries = true", "[cache]\nentries = \"5\"",
            "[cache]\nentries = [5]", "[cache]\nentries = 2026-01-01", "[log]\nrequests = \"true\"",
            "[log]\nrequests = 1", "[log]\nlevel = 3", "[rank]\ndeny = \"a.example\"",
            "[rank]\ndeny = [1]", "[http]\nbind = 5304", "[db]\npath = false",
            "[http]\nidle_timeout_s = \"60s\"", "[cache]\nmax_bytes = \"64 MiB\"",
        ]
    )
    func wrongTypeInFile(content: String) throws {
        let problem = try #require(settingsProblems(file: content).first)
        guard case .wrongType = problem.reason else { throw problem }
    }

    @Test(
        "text that is no number is refused",
        arguments: [
            "", " 5", "5 ", "+5", "5.0", "0x5", "1_000", "five", "5MiB", "--", "٥",
        ]
    )
    func notANumber(text: String) throws {
        let problem = try #require(settingsProblems("--cache-entries=\(text)").first)
        #expect(problem.reason == .wrongType(expected: "a whole number"))
    }

    @Test("numbers beyond 64 bits are out of range, in every source")
    func hugeNumbers() {
        let huge = "99999999999999999999"
        #expect(settingsProblems("--cache-entries", huge).map(\.reason) == [.outOfRange])
        #expect(settingsProblems("--cache-entries", "-\(huge)").map(\.reason) == [.outOfRange])
        #expect(
            settingsProblems("--cache-max-bytes", "9223372036854775807GiB").map(\.reason)
                == [.outOfRange]
        )
        #expect(settingsProblems(file: "cache.entries = \(huge)").count == 1)
    }

    @Test("amnesia that was asked for and a directory for the index contradict each other")
    func amnesiaAndPath() {
        let told = settingsProblems("--db-path", "/srv", "--amnesia-enabled").map(\.description)
        #expect(
            told == [
                "amnesia.enabled: true (from --amnesia-enabled) contradicts db.path /srv "
                    + "(from --db-path); leave db.path at :memory: or set amnesia.enabled to false"
            ]
        )
        #expect(
            settingsProblems("--amnesia-enabled", profile: "macronode").map(\.subject)
                == ["amnesia.enabled"]
        )
        #expect(
            settingsProblems("--amnesia-enabled", "--db-path=:memory:", profile: "macronode")
                .isEmpty
        )
    }

    @Test("a spill that was asked for needs a disk, and no amnesia")
    func spillWithoutAPlace() {
        #expect(
            settingsProblems("--spill-enabled").map(\.description) == [
                "spill.enabled: true (from --spill-enabled) contradicts amnesia.enabled true "
                    + "(from profile micronode); amnesia writes nothing to disk: "
                    + "set one of the two to false"
            ]
        )
        #expect(
            settingsProblems("--spill-enabled", "--amnesia-enabled=false").map(\.description) == [
                "spill.enabled: true (from --spill-enabled) contradicts db.path :memory: "
                    + "(from profile micronode); name a directory with spill.path, "
                    + "or set spill.enabled to false"
            ]
        )
        #expect(settingsProblems("--spill-enabled", "--db-path", "/srv").isEmpty)
        #expect(
            settingsProblems("--spill-enabled", "--amnesia-enabled=false", "--spill-path=/srv")
                .isEmpty
        )
    }

    @Test("the same port cannot be given to two listeners, but two free ones can")
    func metricsOnTheSamePort() {
        #expect(
            settingsProblems("--metrics-bind", "127.0.0.1:5304").map(\.subject)
                == ["metrics.bind"]
        )
        #expect(settingsProblems("--metrics-bind=127.0.0.1:0", "--http-bind=127.0.0.1:0").isEmpty)
    }

    @Test("a default life that would be cut is refused where it was asked for, not elsewhere")
    func lifeBeyondItsLimit() {
        #expect(
            settingsProblems("--cache-default-ttl-s", "3601").map(\.subject)
                == ["cache.default_ttl_s"]
        )
        #expect(settingsProblems("--cache-max-ttl-s", "60").isEmpty)
    }

    @Test("names are published with a key and a DHT, and each once")
    func publishedNames() throws {
        let id = "b3:" + String(repeating: "0f", count: 32)
        func subjects(_ names: String, _ more: [String] = []) -> [String] {
            let arguments = ["--publish-names=\(names)"] + more
            return problems(arguments).map(\.subject)
        }
        func problems(_ arguments: [String]) -> [SettingsProblem] {
            do {
                let reader = SettingsReader()
                _ = try reader.read(
                    arguments: arguments,
                    environment: [:],
                    filePath: nil,
                    profile: nil
                )
                return []
            } catch {
                return error.problems
            }
        }
        let key = ["--publish-key-file", "/key", "--dht-bootstrap", "127.0.0.1:1"]
        #expect(subjects("@=\(id),a.b=\(id)", key).isEmpty)
        #expect(subjects("a=\(id)") == ["publish.names", "publish.names"])
        #expect(subjects("a=\(id)", Array(key.prefix(2))) == ["publish.names"])
        let long = Array(repeating: "a", count: 64).joined()
        for wrong in ["a", "a=b3:0", "=\(id)", "a..b=\(id)", "a=\(id),A=\(id)", "\(long)=\(id)"] {
            #expect(subjects(wrong, key) == ["publish.names"], "\(wrong)")
        }
        #expect(settingsProblems("--cache-warmup-keys", "a,,b").map(\.subject).count == 1)
    }

    @Test("values in messages cannot forge lines, and are short")
    func valuesAreQuoted() throws {
        let text = "x\n\u{1B}[31mfatal" + String(repeating: "y", count: 5000)
        let problem = try #require(settingsProblems("--log-level", text).first)
        #expect(!problem.description.contains("\n") && !problem.description.contains("\u{1B}"))
        #expect(problem.description.count < 300)
    }

    @Test("a secret is in no message and in no printout")
    func secretsAreRedacted() throws {
        let schema = SettingsSchema(rows: [
            SettingRow("auth.token_file", \.auth.tokenFile, .optionalPath, secret: true, "a"),
            SettingRow("http.bind", \.http.bind, .address, secret: true, "b"),
            SettingRow("rank.deny", \.rank.deny, .patterns, secret: true, "c"),
        ])
        let effective = try readSettings("--auth-token-file", "hunter2", schema: schema)
        #expect(effective.settings.auth.tokenFile == "hunter2")
        #expect(!effective.table.contains("hunter2") && effective.table.contains("<redacted>"))
        #expect(try !effective.json().contains("hunter2"))
        let long = "hunter2" + String(repeating: "x", count: 4096)
        for problems in [
            settingsProblems("--auth-token-file", long, schema: schema),
            settingsProblems("--http-bind", "hunter2", schema: schema),
            settingsProblems("--rank-deny", "hunter2 x", schema: schema),
            settingsProblems(file: "http.bind = [\"hunter2\"]", schema: schema),
            settingsProblems(environment: ["SVC_INDEX_HTTP_BIND": "hunter2:x"], schema: schema),
        ] {
            let errors = SettingsErrors(problems: problems)
            #expect(errors.description.contains("<redacted>"))
            #expect(!errors.description.contains("hunter2"))
            #expect(try !errors.json().contains("hunter2"))
        }
    }
}

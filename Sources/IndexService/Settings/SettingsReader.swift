/// Reads the settings from all their sources.
///
/// Precedence: command line, environment, file, profile, built-in. Every value that was given is
/// checked, also one that another source overrules, and all mistakes are told at once.
package struct SettingsReader: Sendable {
    package let schema: SettingsSchema

    package init(schema: SettingsSchema = .current) {
        self.schema = schema
    }

    /// Reads with the table of this version.
    package static func read(
        arguments: [String],
        environment: [String: String],
        filePath: String?,
        profile: String?
    ) throws(SettingsErrors) -> EffectiveSettings {
        try SettingsReader().read(
            arguments: arguments,
            environment: environment,
            filePath: filePath,
            profile: profile
        )
    }

    /// Reads what is in force now.
    /// - Parameters:
    ///   - arguments: Options for settings only, without `--profile` and `--config`.
    ///   - environment: All variables of the process; others than `SVC_INDEX_…` are ignored.
    ///   - filePath: What `--config` says; nil asks `SVC_INDEX_CONFIG`.
    ///   - profile: What `--profile` says; nil asks `SVC_INDEX_PROFILE`.
    package func read(
        arguments: [String],
        environment: [String: String],
        filePath: String?,
        profile: String?
    ) throws(SettingsErrors) -> EffectiveSettings {
        var problems: [SettingsProblem] = []
        let profile = chosenProfile(profile, environment, &problems)
        let path = filePath ?? environment[SettingsEnvironment.config].flatMap(nonEmpty)
        let sources = [
            path.map { SettingsFile.read($0, schema: schema) } ?? SettingsSource(),
            SettingsEnvironment.read(environment, schema: schema),
            SettingsArguments.read(arguments, schema: schema),
        ]
        problems += sources.reversed().flatMap(\.problems)
        var effective = EffectiveSettings(defaultsFor: profile, filePath: path, schema: schema)
        for row in schema.rows {
            for source in sources {
                guard let given = source.values[row.key] else { continue }
                if let problem = effective.store(given, in: row) { problems.append(problem) }
            }
        }
        effective.deriveAmnesia()
        effective.deriveDHTMode()
        effective.deriveSpill()
        let wrong = Set(problems.map(\.subject))
        problems += effective.contradictions().filter { !$0.keys.contains(where: wrong.contains) }
            .map(\.problem)
        guard problems.isEmpty else { throw SettingsErrors(problems: problems) }
        return effective
    }

    private func chosenProfile(
        _ argument: String?,
        _ environment: [String: String],
        _ problems: inout [SettingsProblem]
    ) -> Profile {
        let variable = environment[SettingsEnvironment.profile].flatMap(nonEmpty)
        guard let name = argument ?? variable else { return .micronode }
        if let profile = Profile(rawValue: name) { return profile }
        let names = Profile.allCases.map(\.rawValue)
        problems.append(
            SettingsProblem(
                "profile",
                .outOfRange,
                value: RawSetting.quoted(name),
                origin: argument == nil
                    ? .environment(variable: SettingsEnvironment.profile)
                    : .commandLine(flag: "--profile"),
                allowed: names.joined(separator: ", ")
            )
        )
        return .micronode
    }

    /// Unit files and containers set variables to nothing where nothing is meant.
    private func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}

extension EffectiveSettings {
    /// Stores a value if its row allows it, otherwise says what is wrong with it.
    fileprivate mutating func store(
        _ given: SettingsSource.Given,
        in row: SettingRow
    ) -> SettingsProblem? {
        let reason: SettingsProblem.Reason
        do {
            try row.assign(given.raw)(&settings)
            origins[row.key] = given.origin
            return nil
        } catch {
            switch error {
            case .wrongType: reason = .wrongType(expected: row.expected)
            case .outOfRange: reason = .outOfRange
            // The reason may quote the value.
            case .malformed(let why): reason = row.isSecret ? .outOfRange : .malformed(why)
            }
        }
        let shown = row.isSecret ? SettingRow.redacted : given.raw.description
        return SettingsProblem(
            row.key,
            reason,
            value: shown,
            origin: given.origin,
            allowed: row.allowed
        )
    }

    /// Lets the profile's amnesia give way to a directory that was named for the index.
    ///
    /// Amnesia that was asked for stays, and is then a contradiction.
    fileprivate mutating func deriveAmnesia() {
        guard origin(of: "db.path").isExplicit, !settings.database.isInMemory,
            settings.amnesia.enabled, !origin(of: "amnesia.enabled").isExplicit
        else { return }
        settings.amnesia.enabled = false
        origins["amnesia.enabled"] = .derived(fromKey: "db.path")
    }

    /// Lets the profile's "off" give way to nodes that were named to join the DHT by.
    fileprivate mutating func deriveDHTMode() {
        guard origin(of: "dht.bootstrap").isExplicit, !settings.dht.bootstrap.isEmpty,
            settings.dht.mode == .off, !origin(of: "dht.mode").isExplicit
        else { return }
        settings.dht.mode = .client
        origins["dht.mode"] = .derived(fromKey: "dht.bootstrap")
    }

    /// Lets the profile's spill give way where it has no place: in amnesia, and beside an index in
    /// memory.
    ///
    /// A spill that was asked for stays, and is then a contradiction.
    fileprivate mutating func deriveSpill() {
        guard settings.spill.enabled, !origin(of: "spill.enabled").isExplicit,
            let obstacle = spillObstacle
        else { return }
        settings.spill.enabled = false
        origins["spill.enabled"] = .derived(fromKey: obstacle)
    }

    /// The key whose value leaves no place for a spill.
    private var spillObstacle: String? {
        if settings.amnesia.enabled { return "amnesia.enabled" }
        return settings.database.isInMemory && settings.spill.path == nil ? "db.path" : nil
    }

    /// What is allowed each by itself, but not together.
    fileprivate func contradictions() -> [(keys: [String], problem: SettingsProblem)] {
        var found: [(keys: [String], problem: SettingsProblem)] = []
        func check(_ isWrong: Bool, _ key: String, with other: String, _ advice: String) {
            guard isWrong else { return }
            let text =
                "\(described(key)) contradicts \(other) \(described(other)); \(advice)"
            found.append(([key, other], SettingsProblem(key, .conflict(text))))
        }
        check(
            settings.amnesia.enabled && !settings.database.isInMemory,
            "amnesia.enabled",
            with: "db.path",
            "leave db.path at \(Settings.Database.memory) or set amnesia.enabled to false"
        )
        if settings.spill.enabled, let obstacle = spillObstacle {
            check(
                true,
                "spill.enabled",
                with: obstacle,
                obstacle == "db.path"
                    ? "name a directory with spill.path, or set spill.enabled to false"
                    : "amnesia writes nothing to disk: set one of the two to false"
            )
        }
        check(
            settings.metrics.bind == settings.http.bind && settings.http.bind.port != 0,
            "metrics.bind",
            with: "http.bind",
            "give it another port, or leave it empty to serve /metrics beside the rest"
        )
        check(
            !settings.publish.names.isEmpty && settings.publish.keyFile == nil,
            "publish.names",
            with: "publish.key_file",
            "name the file that 'svc-index keygen' made, or publish no names"
        )
        check(
            !settings.publish.names.isEmpty && settings.dht.mode == .off,
            "publish.names",
            with: "dht.mode",
            "names are published on the DHT: set dht.bootstrap, or publish no names"
        )
        check(
            origin(of: "cache.default_ttl_s").isExplicit
                && settings.cache.defaultTTL > settings.cache.maxTTL,
            "cache.default_ttl_s",
            with: "cache.max_ttl_s",
            "no answer lives longer than cache.max_ttl_s"
        )
        return found
    }

    private func described(_ key: String) -> String {
        let shown = schema.row(key: key)?.shownText(in: settings) ?? ""
        return "\(shown) (from \(origin(of: key)))"
    }
}

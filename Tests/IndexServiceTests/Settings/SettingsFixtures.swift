import Foundation

@testable import IndexService

/// Reads settings in a test; what a test does not give is not given.
func readSettings(
    _ arguments: String...,
    environment: [String: String] = [:],
    file: String? = nil,
    profile: String? = nil,
    schema: SettingsSchema = .current
) throws -> EffectiveSettings {
    let reader = SettingsReader(schema: schema)
    guard let file else {
        return try reader.read(
            arguments: arguments,
            environment: environment,
            filePath: nil,
            profile: profile
        )
    }
    return try withSettingsFile(file.utf8) { path in
        try reader.read(
            arguments: arguments,
            environment: environment,
            filePath: path,
            profile: profile
        )
    }
}

/// The mistakes of settings that must be refused; empty when they were not.
func settingsProblems(
    _ arguments: String...,
    environment: [String: String] = [:],
    file: String? = nil,
    profile: String? = nil,
    schema: SettingsSchema = .current
) -> [SettingsProblem] {
    func read(_ path: String?) -> [SettingsProblem] {
        do {
            _ = try SettingsReader(schema: schema).read(
                arguments: arguments,
                environment: environment,
                filePath: path,
                profile: profile
            )
            return []
        } catch {
            return error.problems
        }
    }
    guard let file else { return read(nil) }
    return (try? withSettingsFile(file.utf8) { read($0) }) ?? []
}

/// A file that is there while `body` runs, always with the same name at its end.
@discardableResult
func withSettingsFile<Result>(
    _ content: some Sequence<UInt8>,
    _ body: (String) throws -> Result
) throws -> Result {
    let folder = FileManager.default.temporaryDirectory
        .appendingPathComponent("settings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("svc-index.toml")
    try Data(content).write(to: file)
    return try body(file.path)
}

private let someContentID = "b3:" + String(repeating: "0f", count: 32)

/// Allowed values of the keys that are no numbers, as text.
let settingSamples: [String: [String]] = [
    "http.bind": ["127.0.0.1:0", "0.0.0.0:80", "[::1]:5304", "localhost:65535"],
    "metrics.bind": ["", "127.0.0.1:9100", "[::]:9100"],
    "db.path": [":memory:", "./index", "/var/lib/a,b", "/srv/with space/=\"x\""],
    "db.synchronous": ["full", "normal"],
    "auth.token_file": ["", "/run/secrets/token"],
    "spill.enabled": ["true", "false"],
    "spill.path": ["", "/var/cache/spill"],
    "rank.region": ["", "eu-west-1", "a-9"],
    "rank.allow": ["", "a.example", "*.a.example,10.0.0.0/8", "2001:db8::/32,::1"],
    "rank.deny": ["", "a.example", "*.a.example,10.0.0.0/8", "2001:db8::/32,::1"],
    "cache.warmup_keys": ["", "name:libc6", "name:a.b,\(someContentID)"],
    "publish.key_file": ["", "/run/secrets/blog.key"],
    "publish.names": ["", "@=\(someContentID)", "a.b=\(someContentID),c=\(someContentID)"],
    "dht.mode": ["off", "client", "server"],
    "dht.ask": ["missing", "always"],
    "ratelimit.enabled": ["true", "false"],
    "dht.bind": ["0.0.0.0:0", "127.0.0.1:6881,[::1]:6881"],
    "dht.bootstrap": ["", "router.example:6881", "192.0.2.1:1,[2001:db8::1]:65535"],
    "dht.adaptive_hedge": ["true", "false"],
    "dht.allow_private_addresses": ["auto", "always", "never"],
    "dht.allow_shared_networks": ["auto", "always", "never"],
    "amnesia.enabled": ["true", "false"],
    "log.level": ["trace", "debug", "info", "notice", "warning", "error"],
    "log.format": ["auto", "json", "text"],
    "log.requests": ["true", "false"],
]

/// Other settings without which a value that is allowed by itself would be a contradiction.
func settingCompanions(of key: String) -> [String] {
    switch key {
    case "cache.default_ttl_s": ["--cache-max-ttl-s", "86400"]
    case "spill.enabled": ["--db-path", "/srv"]
    case "publish.names": ["--publish-key-file", "/key", "--dht-mode", "client"]
    default: []
    }
}

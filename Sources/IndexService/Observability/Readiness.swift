package import Cache
internal import Synchronization

/// Whether this instance may be sent traffic: the AND of its checks, each measured (contract, 3.5).
///
/// Whoever owns a dependency reports what it measured; nothing here assumes. A report that is older
/// than `patience` counts as a failure, so that a check which hangs is seen like one that fails.
package final class Readiness: Sendable {
    /// The checks, in the order in which they are reported.
    package enum Check: String, CaseIterable, Sendable {
        case configLoaded = "config_loaded"
        case databaseOpen = "db_open"
        case dhtClientReady = "dht_client_ready"
        case busAttached = "bus_attached"
        case listenersBound = "listeners_bound"
    }

    package enum Status: Sendable, Equatable {
        case ok
        /// Switched off by the configuration, or not part of this version: counts as satisfied.
        case disabled
        /// One sentence for the operator; no paths.
        case failing(String)

        var isSatisfied: Bool {
            switch self {
            case .ok, .disabled: true
            case .failing: false
            }
        }
    }

    /// Seconds after which a client may ask again.
    static let retryAfter = 5
    /// How long a measured check stays good without being measured again.
    private static let patience: UInt64 = 1_500_000_000

    private struct Entry {
        var status: Status
        /// nil: holds until it is reported otherwise.
        var validUntil: MonotonicInstant?
    }

    private let entries = Mutex<[Check: Entry]>([:])

    package init() {}

    /// Reports a state that holds until the next report.
    package func set(_ check: Check, _ status: Status) {
        entries.withLock { $0[check] = Entry(status: status) }
    }

    /// Reports a measurement, to be repeated within `patience`.
    package func measured(_ check: Check, _ status: Status, at now: MonotonicInstant) {
        let validUntil = now.advanced(by: Self.patience)
        entries.withLock { $0[check] = Entry(status: status, validUntil: validUntil) }
    }

    /// Whether a check holds, as of its last report.
    func isSatisfied(_ check: Check) -> Bool {
        entries.withLock { $0[check]?.status.isSatisfied ?? false }
    }

    package func report(at now: MonotonicInstant) -> ReadinessReport {
        let entries = entries.withLock { $0 }
        return ReadinessReport(
            checks: Check.allCases.map { check in
                guard let entry = entries[check] else { return (check, .failing("not started")) }
                if let validUntil = entry.validUntil, validUntil < now {
                    return (check, .failing("did not answer in time"))
                }
                return (check, entry.status)
            }
        )
    }
}

/// The state of every check at one moment.
package struct ReadinessReport: Sendable {
    package let checks: [(check: Readiness.Check, status: Readiness.Status)]

    package var isReady: Bool { missing.isEmpty }

    package var missing: [Readiness.Check] {
        checks.filter { !$0.status.isSatisfied }.map(\.check)
    }

    func write(to json: inout JSONWriter) {
        json.field("ready", isReady)
        json.key("missing")
        json.beginArray()
        for check in missing { json.string(check.rawValue) }
        json.endArray()
        json.field("degraded", !isReady)
        if !isReady { json.field("retry_after", Readiness.retryAfter) }
        json.key("checks")
        json.beginObject()
        for (check, status) in checks {
            json.key(escaping: check.rawValue)
            switch status {
            case .ok: json.string("ok")
            case .disabled: json.string("disabled")
            case .failing(let reason): json.string(reason)
            }
        }
        json.endObject()
    }
}

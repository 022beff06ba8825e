internal import Cache
internal import Logging
internal import NIOPosix
internal import ServiceLifecycle
internal import UnixSignals
internal import Waiting

/// Reads the settings again when a signal says so, and brings into force what can change while the
/// service runs.
///
/// All or nothing: whatever is wrong with the new settings is logged, and nothing changes. What
/// needs a restart is named at every reload until the restart.
package final class Reloader: Sendable {
    private let feed: SettingsFeed
    private let table: ReloadTable
    private let bus: EventBus
    private let logger: Logger
    /// The settings in force.
    private let current: LiveValue<EffectiveSettings>
    /// When the reload that is under way began; nil while none is.
    private let beganAt = LiveValue<MonotonicInstant?>(nil)
    /// How long a reload may take, in nanoseconds, before nobody knows which settings are in force.
    private static let patience: UInt64 = 1_000_000_000

    init(_ feed: SettingsFeed, table: ReloadTable, bus: EventBus, logger: Logger) {
        self.feed = feed
        self.table = table
        self.bus = bus
        self.logger = logger
        current = LiveValue(feed.effective)
    }

    /// The settings now in force.
    package var effective: EffectiveSettings { current.current }

    /// The keys that change without a restart.
    var reloadableKeys: [String] { table.rows.flatMap(\.keys) }

    /// Reads everything again and applies it; one call at a time.
    package func reload() async {
        beganAt.replace(with: .now())
        defer { beganAt.replace(with: nil) }
        let former = effective
        let (feed, table) = (feed, table)
        do {
            let (reload, prepared) = try await Self.read {
                let reload = former.reloaded(from: try feed.read())
                return (reload, try ReloadTable.Prepared(reload.effective.settings))
            }
            var changed = reload.changed
            if !changed.contains(Self.tokenKey), prepared.adminAccess != table.adminAccess.current {
                changed.append(Self.tokenKey)
            }
            table.apply(prepared, changed: changed)
            current.replace(with: reload.effective)
            report(reload, changed, since: former)
        } catch {
            refuse(error)
        }
    }

    /// Reads on a thread of its own, for files may be slow or hang; whoever is cancelled leaves.
    private static func read<Output: Sendable>(
        _ body: @escaping @Sendable () throws -> Output
    ) async throws -> Output {
        let waiter = Waiter<Result<Output, any Error>>()
        return try await waiter.value(whenCancelled: .failure(CancellationError())) {
            NIOThreadPool.singleton.submit { _ in waiter.finish(Result { try body() }) }
        }.get()
    }

    /// What keeps the settings that were asked for from being in force, or from being refused.
    ///
    /// Refused settings are no obstacle: the former ones hold on as they were.
    func obstacle(at now: MonotonicInstant) -> String? {
        guard let beganAt = beganAt.current, now.nanoseconds(since: beganAt) >= Self.patience
        else { return nil }
        return "the settings are being read again, and that does not end"
    }

    private static let tokenKey = "auth.token_file"

    private func report(
        _ reload: SettingsReload,
        _ changed: [String],
        since former: EffectiveSettings
    ) {
        for key in changed where !reload.changed.contains(key) {
            logger.notice(
                "the content of a file of the settings changed",
                metadata: ["key": "\(key)"]
            )
        }
        for key in reload.changed {
            let row = former.schema.row(key: key)
            logger.notice(
                "a setting changed",
                metadata: [
                    "key": "\(key)",
                    "old": "\(row?.shownText(in: former.settings) ?? "")",
                    "new": "\(row?.shownText(in: reload.effective.settings) ?? "")",
                    "origin": "\(reload.effective.origin(of: key))",
                ]
            )
        }
        for key in reload.needRestart {
            logger.warning("a setting changes only with a restart", metadata: ["key": "\(key)"])
        }
        logger.notice(
            "the settings were read again",
            metadata: [
                "changed": "\(changed.count)", "need_restart": "\(reload.needRestart.count)",
            ]
        )
        if !changed.isEmpty { bus.publish(.configUpdated(changed)) }
    }

    private func refuse(_ error: any Error) {
        if error is CancellationError {
            logger.warning("the settings were not read: the service ends before that does")
            return
        }
        let problems = (error as? SettingsErrors)?.problems.map(\.description) ?? ["\(error)"]
        for problem in problems {
            logger.error("the new settings are wrong", metadata: ["problem": "\(problem)"])
        }
        logger.error("the settings were not changed; correct them and send SIGHUP again")
    }
}

/// Has the settings read again whenever one of the signals comes.
struct ReloadSignals: Service {
    let signals: UnixSignalsSequence
    let reloader: Reloader

    /// Runs until the service group shuts down.
    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { await reloader.reload() }
    }
}

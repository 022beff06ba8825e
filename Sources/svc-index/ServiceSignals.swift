internal import ArgumentParser
internal import Logging
internal import Synchronization
internal import UnixSignals

/// The signals that a service obeys, caught from its first moment to its last: none of them ever
/// ends the process by its default action.
final class ServiceSignals: Sendable {
    /// To read the settings again; those that come before anybody can obey wait.
    let hangups: UnixSignalsSequence
    private let stops: UnixSignalsSequence
    private let isServing = Atomic(false)

    private init() async {
        hangups = await UnixSignalsSequence(trapping: .sighup)
        stops = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    }

    /// Catches the signals while `body` runs; one to stop ends the process well, at once, for as
    /// long as nothing is served.
    static func caught(
        while body: (ServiceSignals) async throws -> Void
    ) async throws {
        let signals = await ServiceSignals()
        async let _ = signals.endWhileStarting()
        try await body(signals)
        withExtendedLifetime(signals) {}
    }

    /// From here on whoever serves catches the signals to stop as well, and ends in its own time.
    func serving() {
        isServing.store(true, ordering: .relaxed)
    }

    private func endWhileStarting() async {
        for await signal in stops where !isServing.load(ordering: .relaxed) {
            if LogSetup.writer != nil {
                let logger = Logger(label: "svc-index")
                logger.notice("stopped before it served", metadata: ["signal": "\(signal)"])
            }
            SvcIndex.exit()
        }
    }
}

internal import Cache
internal import DHTClient
internal import DHTCore
internal import Logging
internal import ServiceLifecycle

/// Keeps names of the operator's key on the DHT while the service runs.
///
/// Every time it reads what the key has published, so that several instances, and people who
/// publish other names under the key, do not take each other's records away.
struct KeyNamePublisher: Service {
    /// Nodes forget an item after two hours: one time may fail.
    private static let interval = 45 * 60
    /// Seconds until a failure is tried again; doubled each time up to the longest.
    private static let pauses = (first: 2, longest: 300)
    private static let period = Duration.milliseconds(500)

    let writer: KeyNameWriter
    /// What is to be published; a reload changes it.
    let wanted: LiveValue<Settings.Publish>
    let logger: Logger

    /// Publishes until the service group shuts down; nodes forget it in their own time.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            var (published, due, failures) = (Settings.Publish(), MonotonicInstant.now(), 0)
            while !Task.isCancelled {
                let wanted = self.wanted.current
                if wanted != published || due <= .now() {
                    if wanted != published { failures = 0 }
                    published = wanted
                    failures = await self.publish(wanted) ? 0 : failures + 1
                    due = .now().advanced(bySeconds: Self.pause(after: failures))
                }
                try await Task.sleep(for: Self.period)
            }
        }
    }

    private static func pause(after failures: Int) -> Int {
        if failures == 0 { return interval }
        return min(pauses.longest, pauses.first << min(failures - 1, 16))
    }

    private func publish(_ wanted: Settings.Publish) async -> Bool {
        let key = writer.signer.publicKey
        let links = wanted.names.compactMap { published in
            published.name(under: key).map { name in
                (name, ContentLink(target: published.target, ttl: wanted.ttl.wholeSeconds))
            }
        }
        guard !links.isEmpty else { return true }
        // Right after the start nobody is known yet, which is no failure.
        for _ in 0..<20 where !Task.isCancelled {
            if await writer.client.hasContacts(by: .now + .milliseconds(500)) { break }
        }
        do {
            let written = try await writer.write(links)
            for error in written.leftOut {
                logger.warning(
                    "key names were not published in one address family",
                    metadata: ["under": "\(KeyName(key))", "reason": "\(error)"]
                )
            }
            logger.notice(
                "key names are published",
                metadata: [
                    "names": "\(links.count)", "under": "\(KeyName(key))",
                    "seq": "\(written.sequence)", "stored": "\(written.stored)",
                    "changed": "\(written.isNew)",
                ]
            )
            return written.leftOut.isEmpty
        } catch {
            guard !Task.isCancelled else { return false }
            logger.warning(
                "key names were not published; it is tried again",
                metadata: ["under": "\(KeyName(key))", "reason": "\(error)"]
            )
            return false
        }
    }
}

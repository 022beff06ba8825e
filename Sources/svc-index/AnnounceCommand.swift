internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import IndexService
internal import UnixSignals

/// Announces on the DHT itself, without a service.
struct AnnounceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "announce",
        abstract: "Tells the DHT that this host has the bytes of a content id.",
        discussion: """
            Example: svc-index announce b3:… --port 8080 --dht-bootstrap 127.0.0.1:7000
            Nodes forget an announcement after about half an hour; with --keep-alive it
            is renewed until Ctrl-C.
            """
    )

    @Argument(help: "b3: and 64 hex digits.")
    var cid: String

    @Option(help: "The port at which this host serves the bytes.")
    var port: UInt16

    @Flag(help: "Stay, answer other nodes, and renew the announcement until Ctrl-C.")
    var keepAlive = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: DHTOptions

    func run() async throws {
        let id = try ContentID(argument: cid)
        guard port > 0 else { throw Failure(.usage, "--port must be from 1 to 65535") }
        let signals = keepAlive ? await UnixSignalsSequence(trapping: .sigterm, .sigint) : nil
        let (stored, unreported) = try await options.withClient(answersQueries: keepAlive) {
            client,
            settings throws(MainlineError) in
            var stored = 0
            var unreported: Failure?
            for family in client.families {
                let result = try await client.publish(
                    .peer(infoHash: id.infoHash, port: port),
                    keepsAlive: keepAlive,
                    options: LookupOptions(family: family),
                    deadline: settings.writeDeadlineFromNow
                )
                stored += result.write?.stored ?? 0
                do throws(Failure) {
                    try report(result)
                } catch {
                    unreported = unreported ?? error
                }
            }
            if stored > 0, let signals { for await _ in signals { break } }
            return (stored, unreported)
        }
        guard stored > 0 else {
            throw Failure(.unavailable, "no node took the announcement; see --dht-bootstrap")
        }
        if let unreported { throw unreported }
    }

    private func report(_ result: LookupResult) throws(Failure) {
        guard json else {
            let text = TraceText(result).write ?? "nothing was written"
            try StandardStreams.write(line: text, lostReader: .fails)
            return
        }
        var json = JSONWriter()
        json.beginObject()
        json.field("cid", cid)
        json.writeFields(result)
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")], lostReader: .fails)
    }
}

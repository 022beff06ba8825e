internal import ArgumentParser
internal import DHTClient
internal import DHTCore
internal import Glibc
internal import IndexService
internal import UnixSignals

/// Points a key name at some content, on the DHT itself.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Points a name of your key at a content id, on the DHT.",
        discussion: """
            Example:
              svc-index keygen --out blog.key
              svc-index publish blog.<key> b3:… --key-file blog.key --dht-bootstrap 127.0.0.1:7000
            The name is the key that keygen printed, or labels, a dot and that key; the key's
            other names stay as they are. Nodes forget it after about two hours; with
            --keep-alive it is renewed until Ctrl-C.
            """
    )

    @Argument(help: "The key, or labels, a dot and the key.")
    var name: String

    @Argument(help: "b3: and 64 hex digits.")
    var cid: String

    @Option(help: ArgumentHelp("The file that keygen made.", valueName: "file"))
    var keyFile: String

    @Option(help: ArgumentHelp("How long answers may be kept, 300 to 86400.", valueName: "seconds"))
    var ttlS = ContentLink.ttlRange.lowerBound

    @Flag(help: "Stay, answer other nodes, and renew the record until Ctrl-C.")
    var keepAlive = false

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var options: DHTOptions

    func run() async throws {
        let name = try KeyName(argument: name)
        let link = try link()
        guard name.recordName != nil else {
            throw Failure(.usage, PkarrPacketError.nameTooLong.description)
        }
        let signer = try KeyFile.read(keyFile)
        guard signer.publicKey == name.publicKey else {
            let own = KeyName(signer.publicKey)
            throw Failure(.usage, "the key in \(keyFile) is \(own), not that of \(name)")
        }
        let signals = keepAlive ? await UnixSignalsSequence(trapping: .sigterm, .sigint) : nil
        let outcome = try await options.withClient(answersQueries: keepAlive) {
            client,
            settings throws(MainlineError) in
            let outcome = try await publish(link, of: name, signer, client, settings)
            if case .success = outcome, let signals { for await _ in signals { break } }
            return outcome
        }
        try outcome.get()
    }

    private func link() throws(Failure) -> ContentLink {
        guard ContentLink.ttlRange.contains(ttlS) else {
            throw Failure(.usage, "--ttl-s must be from 300 to 86400")
        }
        do {
            return ContentLink(target: try ContentID(parsing: cid), ttl: ttlS)
        } catch {
            throw Failure(.usage, error.description)
        }
    }

    /// Reads what the key has published, changes one record of it and writes it back.
    private func publish(
        _ link: ContentLink,
        of name: KeyName,
        _ signer: ItemSigner,
        _ client: MainlineClient,
        _ settings: Settings.DHT
    ) async throws(MainlineError) -> Result<Void, Failure> {
        var found: [LookupResult] = []
        for family in client.families {
            let result = try await client.lookup(
                .mutable(name.publicKey, salt: []),
                options: LookupOptions(family: family),
                deadline: settings.writeDeadlineFromNow
            )
            // Writing where one could not look would drop the key's other records.
            if result.verdict != .unknown { found.append(result) }
        }
        guard !found.isEmpty else {
            let sentence = "the DHT could not be asked to the end; try again"
            return .failure(Failure(.unavailable, sentence))
        }
        let item: StoredItem
        switch signed(link, of: name, signer, current: found.newestItem) {
        case .success(let signed): item = signed
        case .failure(let failure): return .failure(failure)
        }
        var (stored, wasOvertaken) = (0, false)
        for before in found {
            let result = try await client.publish(
                .item(item, compareAndSwap: before.item?.mutable?.sequence),
                keepsAlive: keepAlive,
                options: LookupOptions(family: before.family),
                deadline: settings.writeDeadlineFromNow
            )
            do throws(Failure) {
                try report(result, item, link, of: name)
            } catch {
                return .failure(error)
            }
            stored += result.write?.stored ?? 0
            let refusals = result.write?.refusals ?? []
            // 301 and 302: the node holds another item than the one that was changed (BEP 44).
            if refusals.contains(where: { (301...302).contains($0.code) }) { wasOvertaken = true }
        }
        guard stored == 0 else { return .success(()) }
        let sentence =
            wasOvertaken
            ? "the key's records changed meanwhile; run the command again"
            : "no node took the record; see --dht-bootstrap"
        return .failure(Failure(.unavailable, sentence))
    }

    private func signed(
        _ link: ContentLink,
        of name: KeyName,
        _ signer: ItemSigner,
        current: StoredItem?
    ) -> Result<StoredItem, Failure> {
        do throws(KeyNameUpdateError) {
            let update = try KeyNameUpdate(
                pointing: name,
                at: link,
                in: current,
                microseconds: Self.microsecondsNow()
            )
            guard let item = signer.item(value: update.value, sequence: update.sequence) else {
                return .failure(Failure(.failed, "the record could not be signed; try again"))
            }
            return .success(item)
        } catch {
            return .failure(Failure(.failed, error.description))
        }
    }

    private static func microsecondsNow() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    private func report(
        _ result: LookupResult,
        _ item: StoredItem,
        _ link: ContentLink,
        of name: KeyName
    ) throws(Failure) {
        guard json else {
            let line = TraceText(result).write ?? "nothing was written"
            return try StandardStreams.write(line: line, lostReader: .fails)
        }
        var json = JSONWriter()
        json.beginObject()
        json.field("name", name.description)
        json.field("cid", link.target.description)
        json.field("ttl_s", link.ttl)
        json.field("seq", item.mutable?.sequence ?? 0)
        json.field("family", result.family == .v4 ? "ipv4" : "ipv6")
        json.field("attempted", result.write?.attempted ?? 0)
        json.field("stored", result.write?.stored ?? 0)
        json.field("elapsed_ms", Int(result.report.elapsed.milliseconds.rounded()))
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")], lostReader: .fails)
    }
}

extension KeyName {
    /// A name given on the command line.
    init(argument text: String) throws(Failure) {
        let name: Name
        do {
            name = try Name(parsing: text)
        } catch {
            throw Failure(.usage, error.description)
        }
        guard let keyName = KeyName(name) else {
            throw Failure(
                .usage,
                "\(name) does not end in a public key; make one with: svc-index keygen"
            )
        }
        self = keyName
    }
}

extension [LookupResult] {
    /// The newest verified item of lookups for the same key.
    var newestItem: StoredItem? {
        compactMap(\.item).max { $1.supersedes($0) }
    }
}

internal import ArgumentParser
internal import DHTClient
internal import DHTCore
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
        return ContentLink(target: try ContentID(argument: cid), ttl: ttlS)
    }

    /// Reads what the key has published, changes one record of it and writes it back.
    private func publish(
        _ link: ContentLink,
        of name: KeyName,
        _ signer: ItemSigner,
        _ client: MainlineClient,
        _ settings: Settings.DHT
    ) async throws(MainlineError) -> Result<Void, Failure> {
        let writer = KeyNameWriter(
            client: client,
            signer: signer,
            keepsAlive: keepAlive,
            time: TimeSpan(settings.deadline).scaled(by: 2)
        )
        let written: KeyNameWriter.Written
        do throws(KeyNameWriteError) {
            written = try await writer.write([(name, link)])
        } catch {
            if case .client(let error) = error { throw error }
            return .failure(error.failure)
        }
        for error in written.leftOut {
            StandardStreams.complain("published in one address family only: \(error)")
        }
        for result in written.results {
            do throws(Failure) {
                try report(result, written.item, link, of: name)
            } catch {
                return .failure(error)
            }
        }
        return .success(())
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
        json.writeFields(result)
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")], lostReader: .fails)
    }
}

extension KeyNameWriteError {
    /// What the command says of it.
    fileprivate var failure: Failure {
        switch self {
        case .client(let error): Failure(.unavailable, error.description)
        case .couldNotLook: Failure(.unavailable, "\(self); try again")
        case .update: Failure(.failed, description)
        case .notSigned: Failure(.failed, "\(self); try again")
        case .notStored: Failure(.unavailable, "\(self); see --dht-bootstrap")
        case .overtaken: Failure(.unavailable, "\(self); run the command again")
        }
    }
}

extension [LookupResult] {
    /// The newest verified item of lookups for the same key.
    var newestItem: StoredItem? {
        compactMap(\.item).max { $1.supersedes($0) }
    }
}

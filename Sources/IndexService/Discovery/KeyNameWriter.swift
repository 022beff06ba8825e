package import DHTClient
package import DHTCore
internal import Foundation

/// Points names of one key at content, on the DHT: reads what the key has published, changes these
/// records of it and writes it back.
///
/// A record of somebody else who writes at the same time is not lost, as far as nodes keep to BEP
/// 44: a write is only taken where nothing changed since the read, and otherwise begins anew.
package struct KeyNameWriter: Sendable {
    package typealias Link = (name: KeyName, link: ContentLink)

    /// What is known of the key's item after a write.
    package struct Written: Sendable {
        package let item: StoredItem
        /// The last write, one result a family.
        package let results: [LookupResult]
        /// Why other families were left out, such as one without a socket.
        package let leftOut: [MainlineError]
        /// False when it said all of it already and was stored again as it was.
        package let isNew: Bool

        package var sequence: Int64 { item.mutable?.sequence ?? 0 }
        /// Nodes that confirmed it.
        package var stored: Int { results.reduce(0) { $0 + ($1.write?.stored ?? 0) } }

        /// Whether a node holds another item than the one that was changed (301 and 302 of BEP 44).
        fileprivate var wasOvertaken: Bool {
            let refusals = results.flatMap { $0.write?.refusals ?? [] }
            return refusals.contains { (301...302).contains($0.code) }
        }
    }

    /// How often a write begins, when others write at the same time.
    private static let attempts = 5

    let client: MainlineClient
    let signer: ItemSigner
    /// Whether the client is to renew what was written.
    let keepsAlive: Bool
    /// The time of a lookup, and of a write with the lookup before it.
    let time: TimeSpan

    package init(
        client: MainlineClient,
        signer: ItemSigner,
        keepsAlive: Bool = false,
        time: TimeSpan = .seconds(10)
    ) {
        self.client = client
        self.signer = signer
        self.keepsAlive = keepsAlive
        self.time = time
    }

    package func write(_ links: [Link]) async throws(KeyNameWriteError) -> Written {
        var isNew = false
        var last: StoredItem?
        for attempt in 0..<Self.attempts {
            if attempt > 0 { await Self.pause(before: attempt) }
            let (found, unasked) = await read()
            guard !found.isEmpty else {
                throw unasked.first.map(KeyNameWriteError.client) ?? .couldNotLook
            }
            let mayHaveOthers = unasked.first { error in
                if case .familyGone = error { false } else { true }
            }
            var leftOut = unasked
            let current = found.compactMap(\.item).max { $1.supersedes($0) }
            let (item, differs) = try item(saying: links, after: current)
            // Somebody else's records may be where we could not look; a newer item ends them.
            if differs, let mayHaveOthers { throw .client(mayHaveOthers) }
            isNew = isNew || differs
            var results: [LookupResult] = []
            for before in found {
                // Without a condition a first item would replace that of somebody else unseen; with
                // one, nodes that hold nothing take it all the same.
                let condition = before.item?.mutable?.sequence ?? 0
                do throws(MainlineError) {
                    results.append(
                        try await put(item, replacing: differs ? condition : nil, before.family)
                    )
                } catch {
                    leftOut.append(error)
                }
            }
            if results.isEmpty, let error = leftOut.first { throw .client(error) }
            let written = Written(item: item, results: results, leftOut: leftOut, isNew: isNew)
            // What was written before is what all of the closest give now: who still refuses it has
            // nothing newer to show.
            if !written.wasOvertaken || (item == last && written.stored > 0) {
                guard written.stored > 0 else { throw .notStored }
                return written
            }
            last = item
        }
        throw .overtaken
    }

    /// Longer each time and by chance, so that two writers do not meet again.
    private static func pause(before attempt: Int) async {
        let longest = 100 << attempt
        try? await Task.sleep(for: .milliseconds(Int.random(in: 0...longest)))
    }

    /// What each family knows of the key; one that could not be asked is left out, and named unless
    /// there is nobody in it who might hold something.
    private func read() async -> (found: [LookupResult], leftOut: [MainlineError]) {
        var (found, leftOut) = ([LookupResult](), [MainlineError]())
        for family in Set(client.endpoints.map(\.family)) {
            do throws(MainlineError) {
                let result = try await client.lookup(
                    .mutable(signer.publicKey, salt: []),
                    options: LookupOptions(family: family),
                    deadline: .now + time
                )
                if result.verdict != .unknown {
                    found.append(result)
                } else if result.report.responded == 0,
                    await client.status().node[family].known > 0
                {
                    leftOut.append(.unanswered(family))
                }
            } catch {
                leftOut.append(error)
            }
        }
        return (found, leftOut)
    }

    private func put(
        _ item: StoredItem,
        replacing sequence: Int64?,
        _ family: AddressFamily
    ) async throws(MainlineError) -> LookupResult {
        try await client.publish(
            .item(item, compareAndSwap: sequence),
            keepsAlive: keepsAlive,
            options: LookupOptions(family: family),
            deadline: .now + time
        )
    }

    /// The current item where it says all of it already, whoever signed it; else a new one.
    private func item(
        saying links: [Link],
        after current: StoredItem?
    ) throws(KeyNameWriteError) -> (StoredItem, isNew: Bool) {
        if let current, let packet = try? PkarrPacket(in: current),
            links.allSatisfy({ packet.link(of: $0.name) == $0.link })
        {
            return (current, false)
        }
        let update: KeyNameUpdate
        do {
            update = try KeyNameUpdate(
                pointing: links,
                in: current,
                microseconds: Self.microsecondsNow()
            )
        } catch {
            throw .update(error)
        }
        guard let item = signer.item(value: update.value, sequence: update.sequence) else {
            throw .notSigned
        }
        return (item, true)
    }

    private static func microsecondsNow() -> Int64 {
        Int64(Date.now.timeIntervalSince1970 * 1_000_000)
    }
}

/// Why names are not published.
package enum KeyNameWriteError: Error, CustomStringConvertible {
    case client(MainlineError)
    /// What the key has published is not known, so that nothing was written.
    case couldNotLook
    case update(KeyNameUpdateError)
    case notSigned
    case notStored
    /// Somebody else changed the key's records meanwhile.
    case overtaken

    package var description: String {
        switch self {
        case .client(let error): error.description
        case .couldNotLook: "the DHT could not be asked to the end"
        case .update(let error): error.description
        case .notSigned: "the record could not be signed"
        case .notStored: "no node took the record"
        case .overtaken: "the key's records changed meanwhile"
        }
    }
}

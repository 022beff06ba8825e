internal import DHTClient
internal import DHTCore
internal import Foundation

/// Points names of one key at content, on the DHT: reads what the key has published, changes these
/// records of it and writes it back.
struct KeyNameWriter: Sendable {
    typealias Link = (name: KeyName, link: ContentLink)

    /// What is known of the key's item after a write.
    struct Written: Sendable {
        let sequence: Int64
        /// Nodes that confirmed it.
        let stored: Int
        /// False when it said all of it already and was stored again as it was.
        let isNew: Bool
    }

    /// The time of a lookup, and of a write with the lookup before it.
    private static let time = TimeSpan.seconds(10)

    let client: MainlineClient
    let signer: ItemSigner

    func write(_ links: [Link]) async throws(KeyNameWriteError) -> Written {
        let found = try await read()
        guard !found.isEmpty else { throw .couldNotLook }
        let current = found.compactMap(\.item).max { $1.supersedes($0) }
        let (item, isNew) = try item(saying: links, after: current)
        var (stored, wasOvertaken) = (0, false)
        for before in found {
            let write = try await put(item, before: isNew ? before.item : nil, before.family)
            stored += write?.stored ?? 0
            // 301 and 302: the node holds another item than the one that was changed (BEP 44).
            let refusals = write?.refusals ?? []
            if refusals.contains(where: { (301...302).contains($0.code) }) { wasOvertaken = true }
        }
        guard stored > 0 else { throw wasOvertaken ? .overtaken : .notStored }
        return Written(sequence: item.mutable?.sequence ?? 0, stored: stored, isNew: isNew)
    }

    /// What each family knows of the key; one that could not be asked is left out, for writing
    /// where one could not look would drop the key's other records.
    private func read() async throws(KeyNameWriteError) -> [LookupResult] {
        var found: [LookupResult] = []
        for family in Set(client.endpoints.map(\.family)) {
            do throws(MainlineError) {
                let result = try await client.lookup(
                    .mutable(signer.publicKey, salt: []),
                    options: LookupOptions(family: family),
                    deadline: .now + Self.time
                )
                if result.verdict != .unknown { found.append(result) }
            } catch {
                throw .client(error)
            }
        }
        return found
    }

    private func put(
        _ item: StoredItem,
        before: StoredItem?,
        _ family: AddressFamily
    ) async throws(KeyNameWriteError) -> WriteReport? {
        do {
            return try await client.publish(
                .item(item, compareAndSwap: before?.mutable?.sequence),
                options: LookupOptions(family: family),
                deadline: .now + Self.time
            ).write
        } catch {
            throw .client(error)
        }
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
enum KeyNameWriteError: Error, CustomStringConvertible {
    case client(MainlineError)
    /// What the key has published is not known, so that nothing was written.
    case couldNotLook
    case update(KeyNameUpdateError)
    case notSigned
    case notStored
    /// Somebody else changed the key's records meanwhile.
    case overtaken

    var description: String {
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

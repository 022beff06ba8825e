package import DHTCore

/// The next item of a key: what it says already, with some names pointed elsewhere.
package struct KeyNameUpdate: Hashable, Sendable {
    /// The bencoded value to sign.
    package let value: [UInt8]
    package let sequence: Int64

    /// Puts a link into the newest known item, or into a first one.
    ///
    /// - Parameters:
    ///   - current: The newest verified item of the key; nil when it has none.
    ///   - microseconds: The time now, since 1970; the sequence number unless the current item's is
    ///     not lower.
    package init(
        pointing name: KeyName,
        at link: ContentLink,
        in current: StoredItem?,
        microseconds: Int64
    ) throws(KeyNameUpdateError) {
        try self.init(pointing: [(name, link)], in: current, microseconds: microseconds)
    }

    /// Puts several links into the newest known item, or into a first one.
    package init(
        pointing links: [(name: KeyName, link: ContentLink)],
        in current: StoredItem?,
        microseconds: Int64
    ) throws(KeyNameUpdateError) {
        var packet = PkarrPacket()
        if let current {
            do { packet = try PkarrPacket(in: current) } catch { throw .unreadable(error) }
        }
        do throws(PkarrPacketError) {
            for (name, link) in links { try packet.setLink(link, of: name) }
            value = try packet.itemValue()
        } catch {
            throw .packet(error)
        }
        let (next, overflow) = (current?.mutable?.sequence ?? 0).addingReportingOverflow(1)
        guard !overflow else { throw .sequenceExhausted }
        sequence = max(microseconds, next)
    }
}

/// Why a name cannot be published under its key.
package enum KeyNameUpdateError: Error, Equatable, CustomStringConvertible {
    /// What the key has published cannot be merged with; it is not overwritten.
    case unreadable(KeyNameRecordError)
    case packet(PkarrPacketError)
    /// The published item has the highest sequence number there is.
    case sequenceExhausted

    package var description: String {
        switch self {
        case .unreadable(let error): "\(error); it is left as it is, use another key"
        case .packet(let error): error.description
        case .sequenceExhausted:
            "the key's item has the highest sequence number there is; use another key"
        }
    }
}

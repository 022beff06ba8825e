package import DHTCore
internal import Glibc

/// Good contacts of an earlier run, and the id that they know us by.
///
/// A text file: a header, the network, the own id, then one contact a line, all in hexadecimal. It
/// is only read back on the network that it was learned on; contacts of a family that is not spoken
/// are passed over by the core. Never used in amnesia.
package struct SavedNodes: Equatable, Sendable {
    /// What tells one network from another: the nodes to join by.
    package var network: String
    package var id: NodeID
    package var contacts: [SavedContact]

    package struct SavedContact: Equatable, Sendable {
        package var id: NodeID
        package var endpoint: Endpoint

        package init(id: NodeID, endpoint: Endpoint) {
            self.id = id
            self.endpoint = endpoint
        }
    }

    /// Contacts that are written, and that are read back.
    package static let limit = 500
    /// Nothing longer is read: more than `limit` lines and the longest network name need.
    private static let byteLimit = 64 << 10
    private static let header = "svc-index-dht-nodes 1"

    /// - Parameter contacts: the ones most worth keeping first; no more than `limit` are kept.
    package init(network: String, id: NodeID, contacts: [SavedContact]) {
        self.network = network
        self.id = id
        self.contacts = Array(contacts.prefix(Self.limit))
    }

    /// The name of the network that a list of bootstrap nodes leads to.
    package static func network(of bootstrap: [BootstrapAddress]) -> String {
        bootstrap.map(\.description).sorted().joined(separator: ",")
    }
}

/// Why a file of saved nodes could not be read or written; the client goes on without it.
package enum SavedNodesError: Error, Equatable, Sendable {
    case unreadable(path: String, reason: String)
    case unwritable(path: String, reason: String)
    /// Not such a file, or a damaged one.
    case malformed(path: String)
}

extension SavedNodesError: CustomStringConvertible {
    /// One sentence for an operator.
    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "the saved DHT nodes in \(path) cannot be read (\(reason)): make it a file that the "
                + "service may read, or remove it"
        case .unwritable(let path, let reason):
            "the DHT nodes cannot be saved in \(path) (\(reason)): make room and let the service "
                + "write there, or the next start has only the bootstrap nodes"
        case .malformed(let path):
            "the saved DHT nodes in \(path) are damaged and not used: nothing has to be done, the "
                + "file is written anew"
        }
    }
}

// MARK: - Text

extension SavedNodes {
    /// The file's content.
    var text: String {
        var lines = [Self.header, "network \(network)", "id \(id)"]
        for contact in contacts {
            var compact: [UInt8] = []
            contact.endpoint.appendCompact(to: &compact)
            lines.append("\(contact.id) \(compact.hex)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads the file's content; nil when it is not such a file or damaged.
    init?(text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popFirst() == Self.header[...], lines.popLast() == "",
            let network = lines.popFirst(), network.hasPrefix("network "),
            let own = lines.popFirst(), own.hasPrefix("id "),
            let id = NodeID(hex: String(own.dropFirst(3))), lines.count <= Self.limit
        else { return nil }
        var contacts: [SavedContact] = []
        for line in lines {
            guard let contact = SavedContact(line) else { return nil }
            contacts.append(contact)
        }
        self.init(network: String(network.dropFirst(8)), id: id, contacts: contacts)
    }
}

extension SavedNodes.SavedContact {
    fileprivate init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count == 2, let id = NodeID(hex: String(words[0])),
            let bytes = [UInt8](hex: String(words[1]))
        else { return nil }
        let family = AddressFamily.allCases.first { $0.compactPeerCount == bytes.count }
        guard let family, let endpoint = Endpoint(compact: bytes.span, family: family) else {
            return nil
        }
        self.init(id: id, endpoint: endpoint)
    }
}

// MARK: - File

extension SavedNodes {
    /// Reads a file; nil when there is none.
    package static func read(from path: String) throws(SavedNodesError) -> SavedNodes? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(path: path, reason: describe(errno))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: byteLimit + 1)
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), room)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable(path: path, reason: describe(errno)) }
            if got == 0 { break }
            count += got
        }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        guard count <= byteLimit, let saved = SavedNodes(text: text) else {
            throw .malformed(path: path)
        }
        return saved
    }

    /// Replaces a file in one step: readers see the old content or the new one, whatever happens.
    package func write(to path: String) throws(SavedNodesError) {
        let partial = path + ".new"
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
        let descriptor = open(partial, flags, 0o600)
        guard descriptor >= 0 else { throw .unwritable(path: path, reason: describe(errno)) }
        var failure = Self.write(Array(text.utf8), to: descriptor)
        if close(descriptor) != 0, failure == 0 { failure = errno }
        if failure == 0, rename(partial, path) != 0 { failure = errno }
        guard failure == 0 else {
            unlink(partial)
            throw .unwritable(path: path, reason: describe(failure))
        }
    }

    /// Writes all bytes and waits until they are on the disk; the error number, 0 for success.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var count = 0
        while count < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                Glibc.write(
                    descriptor,
                    buffer.baseAddress?.advanced(by: count),
                    bytes.count - count
                )
            }
            if put < 0, errno == EINTR { continue }
            guard put >= 0 else { return errno }
            count += put
        }
        return fsync(descriptor) == 0 ? 0 : errno
    }
}

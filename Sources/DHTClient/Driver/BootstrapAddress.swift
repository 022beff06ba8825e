package import DHTCore
internal import Glibc

/// A node to join by, as it was configured: `router.example:6881`, `192.0.2.1:6881`, `[::1]:6881`.
package struct BootstrapAddress: Hashable, Sendable {
    /// A host name, or a numeric address without brackets.
    package let host: String
    package let port: UInt16

    /// How many may be configured: each name occupies a thread while it is resolved.
    package static let limit = 16

    /// Reads `host:port`; says what is wrong with it otherwise.
    package init(_ text: String) throws(MainlineError) {
        func bad(_ reason: String) -> MainlineError { .badBootstrapNode(text, reason: reason) }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            throw bad("write it as host:port")
        }
        var host = text[..<colon]
        guard let port = UInt16(text[text.utf8.index(after: colon)...]), port > 0 else {
            throw bad("the port must be a number from 1 to 65535")
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard Endpoint(numeric: String(host), port: port)?.family == .v6 else {
                throw bad("what stands in brackets is not an IPv6 address")
            }
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            throw bad("write an IPv6 address in brackets: [address]:port")
        } else if !Self.isHostName(host) {
            throw bad("the host is neither a name nor an address")
        }
        self.host = String(host)
        self.port = port
    }

    /// Reads a list with the same rules and at most `limit` entries.
    package static func list(_ texts: [String]) throws(MainlineError) -> [BootstrapAddress] {
        guard texts.count <= limit else {
            throw .badBootstrapNode(texts[limit], reason: "at most \(limit) can be configured")
        }
        var addresses: [BootstrapAddress] = []
        for text in texts { addresses.append(try BootstrapAddress(text)) }
        return addresses
    }

    /// The endpoint when the host is numeric; nil for a name.
    package var endpoint: Endpoint? { Endpoint(numeric: host, port: port) }

    /// Letters, digits, hyphens, underscores and single dots; 253 bytes at most (RFC 1123).
    private static func isHostName(_ text: Substring) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"),
                        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: false
                    }
                }
        }
    }
}

extension BootstrapAddress: CustomStringConvertible {
    package var description: String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension Endpoint {
    /// Reads a numeric IPv4 or IPv6 address; nil for anything else.
    package init?(numeric text: String, port: UInt16) {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr), port: port)
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(v6, port: port)
    }

    /// Takes over the 16 bytes of an IPv6 address.
    init(_ address: in6_addr, port: UInt16) {
        self = withUnsafeBytes(of: address) { bytes in
            Endpoint(
                v6: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                port: port
            )
        }
    }
}

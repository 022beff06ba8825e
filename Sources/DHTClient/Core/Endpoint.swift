/// The two kinds of network that Mainline nodes live in; each has its own routing table (BEP 32).
package enum AddressFamily: UInt8, Hashable, Sendable, CaseIterable {
    case v4
    case v6

    /// The bytes of an address and a port on the wire.
    package var compactPeerCount: Int { self == .v4 ? 6 : 18 }
    /// The bytes of an id, an address and a port on the wire.
    package var compactNodeCount: Int { NodeID.byteCount + compactPeerCount }
}

/// A UDP address and port, IPv4 or IPv6.
package struct Endpoint: Hashable, Sendable {
    /// The first eight bytes of an IPv6 address; 0 for IPv4.
    let high: UInt64
    /// The last eight bytes of an IPv6 address; the 32 bits of an IPv4 address.
    let low: UInt64
    package let port: UInt16
    package let family: AddressFamily

    package init(v4 address: UInt32, port: UInt16) {
        high = 0
        low = UInt64(address)
        self.port = port
        family = .v4
    }

    package init(v6 high: UInt64, _ low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
        family = .v6
    }

    /// The four bytes of an IPv4 address, most readable in tests and literals.
    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, port: UInt16) {
        let address = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
        self.init(v4: address, port: port)
    }

    /// Reads the compact form at an offset (BEP 5: 6 bytes, BEP 32: 18); nil when it is cut off.
    package init?(compact bytes: Span<UInt8>, at offset: Int = 0, family: AddressFamily) {
        guard offset >= 0, bytes.count - offset >= family.compactPeerCount else { return nil }
        switch family {
        case .v4:
            self.init(
                v4: bytes.bigEndian32(at: offset),
                port: bytes.bigEndian16(at: offset + 4)
            )
        case .v6:
            self.init(
                v6: bytes.bigEndian64(at: offset),
                bytes.bigEndian64(at: offset + 8),
                port: bytes.bigEndian16(at: offset + 16)
            )
        }
    }

    /// Appends the compact form: 6 or 18 bytes.
    package func appendCompact(to bytes: inout [UInt8]) {
        appendAddress(to: &bytes)
        bytes.appendBigEndian(port)
    }

    /// Appends the address without the port: 4 or 16 bytes.
    package func appendAddress(to bytes: inout [UInt8]) {
        switch family {
        case .v4: bytes.appendBigEndian(UInt32(truncatingIfNeeded: low))
        case .v6:
            bytes.appendBigEndian(high)
            bytes.appendBigEndian(low)
        }
    }

    /// The 4 or 16 bytes of the address in network order, for sockets.
    package var addressBytes: [UInt8] {
        var bytes: [UInt8] = []
        appendAddress(to: &bytes)
        return bytes
    }

    /// The 32 bits of an IPv4 address; nil for IPv6.
    package var v4Address: UInt32? {
        family == .v4 ? UInt32(truncatingIfNeeded: low) : nil
    }

    /// The first 64 bits of an IPv6 address; nil for IPv4.
    package var v6Prefix: UInt64? { family == .v6 ? high : nil }

    /// The same address with another port.
    package func with(port: UInt16) -> Endpoint {
        switch family {
        case .v4: Endpoint(v4: UInt32(truncatingIfNeeded: low), port: port)
        case .v6: Endpoint(v6: high, low, port: port)
        }
    }

    /// The /24 (IPv4) or /64 (IPv6) that the address lies in: what one owner can fill at no cost.
    package var network: Network {
        switch family {
        case .v4: Network(prefix: low >> 8, family: .v4)
        case .v6: Network(prefix: high, family: .v6)
        }
    }

    /// A /24 (IPv4) or a /64 (IPv6).
    package struct Network: Hashable, Sendable {
        let prefix: UInt64
        let family: AddressFamily
    }
}

extension Endpoint {
    /// What kind of address this is; decides whether a stranger may name it to us.
    package enum Scope: Sendable {
        /// Reachable over the Internet.
        ///
        /// The documentation and benchmark ranges count as global, because nobody sits there and
        /// test networks do.
        case global
        /// Loopback, link-local, shared or private: fine on one's own network only.
        case local
        /// Never a node: unspecified, multicast, reserved, IPv4 in IPv6.
        case martian
    }

    package var scope: Scope {
        switch family {
        case .v4: Self.scope(v4: UInt32(truncatingIfNeeded: low))
        case .v6: Self.scope(v6: high, low)
        }
    }

    private static func scope(v4 address: UInt32) -> Scope {
        switch (address >> 24, address >> 16) {
        case (0, _), (224..., _): .martian
        case (10, _), (127, _), (_, 0xA9FE), (_, 0xC0A8): .local
        case (_, 0xAC10...0xAC1F): .local  // 172.16.0.0/12
        case (_, 0x6440...0x647F): .local  // 100.64.0.0/10, RFC 6598
        default: .global
        }
    }

    private static func scope(v6 high: UInt64, _ low: UInt64) -> Scope {
        if high == 0 {
            return low == 1 ? .local : .martian  // ::1; else ::/64, mapped IPv4 among it
        }
        switch high >> 56 {
        case 0xFF: return .martian
        case 0xFC, 0xFD: return .local  // RFC 4193
        case 0xFE: return high >> 54 & 3 >= 2 ? .local : .martian  // fe80::/10, fec0::/10
        default: return .global
        }
    }
}

extension Endpoint: CustomStringConvertible {
    /// The usual text: `192.0.2.1:6881` or `[2001:db8::1]:6881` (RFC 5952).
    package var description: String {
        switch family {
        case .v4:
            let bytes = addressBytes.map(String.init).joined(separator: ".")
            return "\(bytes):\(port)"
        case .v6:
            let groups = [high, low].flatMap { word in
                [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: word >> UInt64($0)) }
            }
            return "[\(Self.text(groups))]:\(port)"
        }
    }

    /// The groups of an IPv6 address, the first of the longest runs of zeros left out.
    private static func text(_ groups: [UInt16]) -> String {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            guard group == 0 else {
                start = index + 1
                continue
            }
            if index + 1 - start > longest.count { longest = start..<index + 1 }
        }
        func joined(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        // A single group of zeros is written out.
        guard longest.count > 1 else { return joined(groups[...]) }
        return joined(groups[..<longest.lowerBound]) + "::" + joined(groups[longest.upperBound...])
    }
}

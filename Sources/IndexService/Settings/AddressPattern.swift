/// Which providers a list of `rank.allow` or `rank.deny` means.
///
/// - `cdn.example`: this host, or this IP address;
/// - `*.example`: every host below `example`, not `example` itself;
/// - `10.0.0.0/8`, `2001:db8::/32`: every address of the network.
///
/// Names are compared without case and without one final dot. A name is never looked up, so a
/// network matches only providers whose address is written as numbers.
package struct AddressPattern: Sendable, Hashable {
    /// Patterns in one list at most: they are tried one after another.
    static let longestList = 1024

    private enum Kind: Hashable {
        case host(String)
        case below(String)
        case network(IPAddress, prefixLength: Int)
    }

    private let kind: Kind
    private let text: String

    /// Reads one of the three forms.
    init(parsing text: String) throws(SettingFault) {
        self.text = text
        if text.contains("/") {
            kind = try AddressPattern.network(text)
        } else if let address = IPAddress(text) {
            kind = .network(address, prefixLength: address.bytes.count * 8)
        } else {
            let name = AddressPattern.folded(text)
            let host = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
            guard HostName.isValid(host) else {
                throw .malformed(
                    "has \(RawSetting.quoted(text)), which is no host, *.suffix or network"
                )
            }
            kind = host == name ? .host(host) : .below(host)
        }
    }

    /// Whether the host of a provider's address, without port, is meant.
    package func matches(host: String) -> Bool {
        switch kind {
        case .host(let name): return AddressPattern.folded(host) == name
        case .below(let suffix):
            let name = AddressPattern.folded(host)
            return name.utf8.count > suffix.utf8.count + 1 && name.hasSuffix("." + suffix)
        case .network(let network, let prefixLength):
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            let bare = isBracketed ? String(host.dropFirst().dropLast()) : host
            guard let address = IPAddress(bare) else { return false }
            return address.shares(prefixLength, with: network)
        }
    }

    private static func network(_ text: String) throws(SettingFault) -> Kind {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let fault = SettingFault.malformed("has \(RawSetting.quoted(text)), which is no network")
        guard parts.count == 2, let address = IPAddress(String(parts[0])),
            let written = try? RawSetting.wholeNumber(parts[1])
        else { throw fault }
        let length = address.wasMapped ? written - 96 : written
        guard (0...(address.bytes.count * 8)).contains(length) else { throw fault }
        guard address.isZero(after: length) else {
            throw .malformed(
                "has \(RawSetting.quoted(text)), whose address has bits set behind its prefix"
            )
        }
        return .network(address, prefixLength: length)
    }

    private static func folded(_ host: String) -> String {
        let name = host.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

extension AddressPattern: CustomStringConvertible {
    package var description: String { text }
}

extension IPAddress {
    /// Whether the first `bitCount` bits of both are the same.
    func shares(_ bitCount: Int, with other: IPAddress) -> Bool {
        guard bytes.count == other.bytes.count else { return false }
        return zip(bytes, other.bytes).enumerated().allSatisfy { index, pair in
            (pair.0 ^ pair.1) & IPAddress.mask(ofByte: index, prefixLength: bitCount) == 0
        }
    }

    /// Whether no bit behind the first `bitCount` is set.
    func isZero(after bitCount: Int) -> Bool {
        bytes.enumerated().allSatisfy { index, byte in
            byte & ~IPAddress.mask(ofByte: index, prefixLength: bitCount) == 0
        }
    }

    private static func mask(ofByte index: Int, prefixLength: Int) -> UInt8 {
        let bits = min(max(prefixLength - index * 8, 0), 8)
        return UInt8(truncatingIfNeeded: 0xFF00 >> bits)
    }
}

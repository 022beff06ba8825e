/// Where a provider is reached: a URL (`scheme://host…`) or `host:port`.
///
/// At most 2048 bytes of printable ASCII without spaces; no credentials, since addresses are shown
/// to every caller. Hosts are DNS names, IPv4 addresses, or IPv6 addresses in brackets.
package struct ProviderAddress: Hashable, Sendable, CustomStringConvertible {
    package static let maximumLength = 2048

    package let description: String
    /// The host in lower case, without brackets; what allow and deny lists look at.
    package let host: String

    package init(parsing text: String) throws(FieldError) {
        guard (1...Self.maximumLength).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw FieldError("addr must be 1 to 2048 bytes of printable ASCII without spaces")
        }
        // All of it is ASCII from here on: a byte is a character.
        if let colon = Self.schemeEnd(of: text.utf8) {
            let rest = text.utf8[colon...].dropFirst(3)
            let authority = rest.prefix { !Self.authorityEnds.contains($0) }
            host = try Self.parseAuthority(authority, portRequired: false)
        } else {
            host = try Self.parseAuthority(text.utf8[...], portRequired: true)
        }
        description = text
    }

    private static let authorityEnds = Array("/?#".utf8)
    private static let schemePunctuation = Array("+.-".utf8)
    private static let colon = UInt8(ascii: ":")

    /// The index of the colon in `scheme://` (RFC 3986, section 3.1), or nil where there is none.
    private static func schemeEnd(of text: String.UTF8View) -> String.Index? {
        guard let colon = text.firstIndex(of: colon), text[colon...].starts(with: "://".utf8),
            let first = text.first, first.isASCIIAlphanumeric, !first.isASCIIDigit
        else { return nil }
        let isValid = text[..<colon].allSatisfy {
            $0.isASCIIAlphanumeric || schemePunctuation.contains($0)
        }
        return isValid ? colon : nil
    }

    private static func parseAuthority(
        _ authority: Substring.UTF8View,
        portRequired: Bool
    ) throws(FieldError) -> String {
        guard !authority.contains(UInt8(ascii: "@")) else {
            throw FieldError("addr must not carry credentials: every caller sees it")
        }
        let host: Substring.UTF8View
        let port: Substring.UTF8View?
        if authority.first == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")) else {
                throw FieldError("addr has an opening bracket without its closing one")
            }
            host = authority[..<end].dropFirst()
            let rest = authority[end...].dropFirst()
            guard rest.isEmpty || rest.first == colon else {
                throw FieldError("addr has text between the closing bracket and the port")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(colon), IPAddress(String(Substring(host))) != nil else {
                throw FieldError("addr must have an IPv6 address between its brackets")
            }
        } else {
            let end = authority.firstIndex(of: colon)
            host = end.map { authority[..<$0] } ?? authority
            port = end.map { authority[$0...].dropFirst() }
            guard port?.contains(colon) != true else {
                throw FieldError("addr must be a URL or host:port, an IPv6 host in brackets")
            }
            guard isHost(host) else {
                throw FieldError("addr must have a host: a DNS name or an IP address")
            }
        }
        try checkPort(port, required: portRequired)
        return Substring(host).lowercased()
    }

    private static func checkPort(
        _ port: Substring.UTF8View?,
        required: Bool
    ) throws(FieldError) {
        guard let port else {
            if required { throw FieldError("addr must be a URL or host:port; the port is missing") }
            return
        }
        guard port.allSatisfy(\.isASCIIDigit), let number = UInt16(Substring(port)), number > 0
        else {
            throw FieldError("addr must have a port from 1 to 65535")
        }
    }

    /// Whether `host` is a DNS name, with or without its final dot, or an IPv4 address in full.
    ///
    /// A last label that is a number makes clients read the whole as an IPv4 address (WHATWG URL,
    /// section 3.5), in spellings that no list of networks would recognise: those are refused.
    private static func isHost(_ host: Substring.UTF8View) -> Bool {
        let dot = UInt8(ascii: ".")
        let name = host.last == dot ? host.dropLast() : host
        if HostName.isValid(name) {
            let lastLabel = name.lastIndex(of: dot).map { name[$0...].dropFirst() } ?? name
            if !isHexNumber(lastLabel) { return true }
        }
        return IPAddress(String(Substring(host))) != nil
    }

    /// Whether it is `0x` and hexadecimal digits, of which there may be none.
    private static func isHexNumber(_ label: Substring.UTF8View) -> Bool {
        guard label.first == UInt8(ascii: "0"),
            label.dropFirst().first.map({ $0 | 0x20 }) == UInt8(ascii: "x")
        else { return false }
        return label.dropFirst(2).allSatisfy {
            $0.isASCIIDigit || (0x61...0x66).contains($0 | 0x20)
        }
    }
}

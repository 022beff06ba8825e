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
        if let colon = Self.schemeEnd(of: text) {
            let rest = text[colon...].dropFirst(3)
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            host = try Self.parseAuthority(authority, portRequired: false)
        } else {
            host = try Self.parseAuthority(text[...], portRequired: true)
        }
        description = text
    }

    /// The index of the colon in `scheme://` (RFC 3986, section 3.1), or nil where there is none.
    private static func schemeEnd(of text: String) -> String.Index? {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"),
            let first = text.utf8.first, first.isASCIIAlphanumeric, !first.isASCIIDigit
        else { return nil }
        let punctuation = Array("+.-".utf8)
        let scheme = text.utf8[..<colon]
        let isValid = scheme.allSatisfy { $0.isASCIIAlphanumeric || punctuation.contains($0) }
        return isValid ? colon : nil
    }

    private static func parseAuthority(
        _ authority: Substring,
        portRequired: Bool
    ) throws(FieldError) -> String {
        guard !authority.contains("@") else {
            throw FieldError("addr must not carry credentials: every caller sees it")
        }
        let host: Substring
        let port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw FieldError("addr has an opening bracket without its closing one")
            }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else {
                throw FieldError("addr has text between the closing bracket and the port")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
            guard host.contains(":"), IPAddress(String(host)) != nil else {
                throw FieldError("addr must have an IPv6 address between its brackets")
            }
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else {
                throw FieldError("addr must be a URL or host:port, an IPv6 host in brackets")
            }
            host = parts.first ?? ""
            port = parts.count == 2 ? parts[1] : nil
            guard isHost(host) else {
                throw FieldError("addr must have a host: a DNS name or an IP address")
            }
        }
        try checkPort(port, required: portRequired)
        return host.lowercased()
    }

    private static func checkPort(_ port: Substring?, required: Bool) throws(FieldError) {
        guard let port else {
            if required { throw FieldError("addr must be a URL or host:port; the port is missing") }
            return
        }
        guard port.utf8.allSatisfy(\.isASCIIDigit), let number = UInt16(port), number > 0 else {
            throw FieldError("addr must have a port from 1 to 65535")
        }
    }

    /// Whether `host` is a DNS name, with or without its final dot, or an IPv4 address in full.
    ///
    /// A last label that is a number makes clients read the whole as an IPv4 address (WHATWG URL,
    /// section 3.5), in spellings that no list of networks would recognise: those are refused.
    private static func isHost(_ host: Substring) -> Bool {
        let name = String(host.hasSuffix(".") ? host.dropLast() : host).lowercased()
        let lastLabel = name.split(separator: ".").last ?? ""
        let isHexNumber =
            lastLabel.hasPrefix("0x") && lastLabel.dropFirst(2).allSatisfy(\.isHexDigit)
        return HostName.isValid(name) && !isHexNumber || IPAddress(String(host)) != nil
    }
}

/// Whom a limit holds for: an IPv4 address, or the /64 network that one IPv6 customer is given.
package enum ClientAddress: Hashable, Sendable {
    case four(UInt32)
    /// The upper 64 bits.
    case six(UInt64)
    /// No IP address, as over a Unix socket: all of them count as one client.
    case other

    /// Reads the text of an address; an IPv4-mapped IPv6 address is its IPv4 address, a zone
    /// (`%eth0`) is left out.
    package init(_ text: String) {
        guard let bytes = IPAddress(String(text.prefix { $0 != "%" }))?.bytes else {
            self = .other
            return
        }
        self =
            bytes.count == 4
            ? .four(bytes.reduce(0) { $0 << 8 | UInt32($1) })
            : .six(bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}

/// Where a listener binds: an address or host name, and a port.
package struct ListenAddress: Sendable, Hashable {
    /// The form in words, for messages.
    static let form = "address:port, [IPv6]:port"

    /// An IPv4 or IPv6 address without brackets, or a host name.
    package let host: String

    /// 0 lets the system choose a free one.
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:5304`, `localhost:5304` or `[::1]:5304`.
    init(parsing text: String) throws(SettingFault) {
        guard let colon = text.lastIndex(of: ":") else { throw .malformed("has no port") }
        let digits = text[text.index(after: colon)...]
        let number = try? RawSetting.wholeNumber(digits)
        guard let number, let port = UInt16(exactly: number) else {
            throw .malformed("has no port of 0 to 65535 after its last colon")
        }
        self.init(host: try ListenAddress.host(text[..<colon]), port: port)
    }

    private static func host(_ text: Substring) throws(SettingFault) -> String {
        if text.hasPrefix("["), text.hasSuffix("]") {
            let inner = String(text.dropFirst().dropLast())
            guard inner.contains(":"), IPAddress(inner) != nil else {
                throw .malformed("has no IPv6 address in its brackets")
            }
            return inner
        }
        guard !text.isEmpty else {
            throw .malformed("has no address; 0.0.0.0 is every IPv4 address, [::] every IPv6 one")
        }
        guard !text.contains(":") else {
            throw .malformed("needs brackets around its IPv6 address")
        }
        let host = String(text)
        guard IPAddress(host) != nil || HostName.isValid(host) else {
            throw .malformed("has neither an address nor a host name before its port")
        }
        return host
    }
}

extension ListenAddress: CustomStringConvertible {
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

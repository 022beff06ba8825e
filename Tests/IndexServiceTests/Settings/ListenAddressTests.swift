import Testing

@testable import IndexService

@Suite struct ListenAddressTests {
    @Test(
        "addresses, names and bracketed IPv6 are read and written alike",
        arguments: [
            ("127.0.0.1:5304", "127.0.0.1", 5304), ("0.0.0.0:0", "0.0.0.0", 0),
            ("[::]:65535", "::", 65535), ("[2001:db8::1]:80", "2001:db8::1", 80),
            ("localhost:1", "localhost", 1), ("index.svc.example:443", "index.svc.example", 443),
        ] as [(String, String, UInt16)]
    )
    func wellFormed(text: String, host: String, port: UInt16) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", ":", "5304", ":5304", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
            "127.0.0.1:+1", "127.0.0.1:http", "127.0.0.256:1", "1.2.3:1", "::1:5304", "[::1]",
            "[::1]5304", "[127.0.0.1]:1", "[]:1", "[::1:1", "a..b:1", ".:1", "a b:1", "*:1",
            "http://a:1", "127.0.0.1\0:1",
        ]
    )
    func malformed(text: String) {
        #expect(throws: SettingFault.self) { try ListenAddress(parsing: text) }
    }
}

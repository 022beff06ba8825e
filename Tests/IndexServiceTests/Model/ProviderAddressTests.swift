import Randomness
import Testing

@testable import IndexService

@Suite struct ProviderAddressTests {
    static let hosts: [(String, String)] = [
        ("http://198.51.100.20:8080", "198.51.100.20"),
        ("https://CDN.Example/path?q=1#f", "cdn.example"),
        ("cdn.example:80", "cdn.example"),
        ("cdn.example.:80", "cdn.example."),
        ("localhost:1", "localhost"),
        ("a_b-c.example:65535", "a_b-c.example"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("http://[::1]", "::1"),
        ("http://[::1]:80/x", "::1"),
        ("http://a?x", "a"),
        ("http://a#x", "a"),
        ("http://a/@b", "a"),
        ("git+ssh.x-y://a", "a"),
        ("ftp://1.2.3.4", "1.2.3.4"),
        ("http://0x.example", "0x.example"),
        ("http://1.2.3.4.example", "1.2.3.4.example"),
    ]

    @Test(arguments: hosts)
    func theHostIsTakenOut(_ text: String, _ host: String) throws {
        let address = try ProviderAddress(parsing: text)
        #expect(address.host == host)
        #expect(address.description == text)
    }

    @Test(
        arguments: [
            "", "a", "a:", "a:0", "a:65536", "a:-1", "a:+1", "a:1x", ":80", "a b:80", "a:80/path",
            "http://", "http:///x", "http://:80", "http://a:", "http://a:x", "http://a:b:1",
            "http://user@a", "http://user:pw@a/", "a@b:80", "é:80", "a\u{0}:80", "a\n:80",
            "[::1]", "[::1", "::1:80", "[::1]x:80", "[a]:80", "[1.2.3.4]:80", "[fe80::1%25eth0]:1",
            "http://a\\b/", "http://a%2eb/", "1http://a", "://a", "http:/a", "-://a:80",
            "http://a..b/", "http://.a/", "..:80",
        ]
    )
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(throws: FieldError.self) { try ProviderAddress(parsing: text) }
    }

    /// Other spellings of 10.0.0.1 that resolvers and browsers take (WHATWG URL, section 3.5): a
    /// deny list of networks would not see them.
    @Test(
        arguments: [
            "167772161:80", "10.1:80", "10.0.1:80", "0x0a000001:80", "012.0.0.1:80", "0xa.0.0.1:80",
            "http://10.0.0.1.", "http://0x0A000001/", "1.2.3.4.5:80", "256.1.1.1:80", "a.1:80",
        ]
    )
    func aNumberIsNoHostUnlessItIsAnAddressInFull(_ text: String) {
        #expect(throws: FieldError.self) { try ProviderAddress(parsing: text) }
    }

    @Test func lengthsUpTo2048BytesParse() throws {
        let longest = "http://a/" + String(repeating: "x", count: 2048 - 9)
        #expect(try ProviderAddress(parsing: longest).description.utf8.count == 2048)
        #expect(throws: FieldError.self) { try ProviderAddress(parsing: longest + "x") }
        #expect(throws: FieldError.self) {
            try ProviderAddress(parsing: String(repeating: "a", count: 254) + ":1")
        }
    }

    @Test func whatParsesPrintsAndParsesBackToItself() throws {
        var accepted = 0
        for seed in 0..<6000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let text =
                random.pick(["http://", "a://", "", "[", "HTTP://["])
                + random.text(of: "aZ19.:-_", count: random.int(in: 0...5))
                + random.pick(["", ":80", "]:80", "]", "/x", "@b", "?:", "\u{7f}", ".example:1"])
            guard let address = try? ProviderAddress(parsing: text) else { continue }
            accepted += 1
            #expect(address.description == text, "seed \(seed)")
            #expect(try ProviderAddress(parsing: text) == address, "seed \(seed)")
            #expect(!address.host.isEmpty && address.host == address.host.lowercased())
            #expect(!address.host.contains { "[]@/?#".contains($0) }, "seed \(seed)")
            #expect(text.lowercased().contains(address.host), "seed \(seed)")
        }
        #expect(accepted > 500)
    }

    @Test func anyBytesAreAnAddressOrAnError() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = random.bytes(count: random.int(in: 0...30))
            let text = random.pick(["", "http://", "["]) + String(decoding: bytes, as: UTF8.self)
            _ = try? ProviderAddress(parsing: text)
        }
    }
}

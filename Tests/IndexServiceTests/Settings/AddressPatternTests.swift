import Testing

@testable import IndexService

@Suite struct AddressPatternTests {
    @Test(
        "a pattern matches what it says",
        arguments: [
            ("cdn.example", "cdn.example"), ("CDN.Example", "cdn.EXAMPLE"),
            ("cdn.example.", "cdn.example"), ("cdn.example", "cdn.example."),
            ("*.example", "cdn.example"), ("*.example", "a.b.example"), ("*.Example.", "A.EXAMPLE"),
            ("10.0.0.0/8", "10.255.0.1"), ("10.1.2.3", "10.1.2.3"), ("0.0.0.0/0", "198.51.100.20"),
            ("192.168.4.0/22", "192.168.7.255"), ("2001:db8::/32", "2001:db8:1::5"),
            ("2001:db8::/32", "[2001:db8::1]"), ("::1", "0:0:0:0:0:0:0:1"),
            ("fe80::/10", "febf::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"), ("::ffff:10.0.0.0/104", "10.1.2.3"),
            ("::/0", "2001:db8::1"),
        ]
    )
    func matches(pattern: String, host: String) throws {
        #expect(try AddressPattern(parsing: pattern).matches(host: host))
    }

    @Test(
        "and nothing else",
        arguments: [
            ("cdn.example", "a.cdn.example"), ("cdn.example", "cdn.example.org"),
            ("*.example", "example"), ("*.example", "badexample"), ("*.example", ".example"),
            ("10.0.0.0/8", "11.0.0.1"), ("10.0.0.0/8", "10.example"), ("10.1.2.3", "10.1.2.4"),
            ("192.168.4.0/22", "192.168.8.0"), ("2001:db8::/32", "2001:db9::1"),
            ("0.0.0.0/0", "2001:db8::1"), ("::/0", "10.0.0.1"), ("10.0.0.0/8", ""),
        ]
    )
    func doesNotMatch(pattern: String, host: String) throws {
        #expect(try !AddressPattern(parsing: pattern).matches(host: host))
    }

    @Test(
        "text of none of the three forms is refused",
        arguments: [
            "", "*", "*.", "**.example", "a.*.example", "*example", "a b", "http://a.example",
            "a.example:80", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "/8", "10.0.0.1/8", "a/8",
            "10.0.0.0/8/8", "::1/129", "::ffff:10.0.0.0/95", "300.0.0.1", "a..b", "[::1]",
        ]
    )
    func malformed(pattern: String) {
        #expect(throws: SettingFault.self) { try AddressPattern(parsing: pattern) }
    }

    @Test("a list has a limit")
    func longLists() {
        let items = (0..<1024).map { "h\($0).example" }
        let fits = items.joined(separator: ",")
        #expect(settingsProblems("--rank-deny", fits).isEmpty)
        #expect(
            settingsProblems("--rank-deny", fits + ",one.example").map(\.reason)
                == [.outOfRange]
        )
    }
}

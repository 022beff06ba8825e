import Testing

@testable import IndexService

@Suite struct KeyHintTests {
    @Test(arguments: [
        ("b3:" + String(repeating: "a", count: 64), "b3:aaaaaaaaa…"),
        ("b3:short", "b3:short"),
        ("libc6", "libc6"),
        ("name:libc6", "name:libc6"),
        (String(repeating: "n", count: 48), String(repeating: "n", count: 48)),
        (String(repeating: "n", count: 49), String(repeating: "n", count: 48) + "…"),
        ("", ""),
    ])
    func aKeyIsCutToItsHint(key: String, hint: String) {
        #expect(KeyHint(key).description == hint)
    }

    @Test func nothingInAHintBreaksALine() {
        let hint = KeyHint("a b\n\u{1B}[31mé\u{0}").description
        #expect(hint == "a?b??[31m???")
        #expect(KeyHint(String(repeating: "é", count: 1_000)).description.utf8.count == 51)
    }
}

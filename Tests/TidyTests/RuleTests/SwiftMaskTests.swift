import Testing

/// What the mask leaves of a text: code with blanks for comments and strings.
@Suite struct SwiftMaskTests {
    @Test(arguments: [
        ("a // b", "a     "),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("a \"b\" c", "a \" \" c"),
        ("\"b \\\" c\" d", "\"      \" d"),
        ("\"b \\(c(\"d\")) e\" f", "\"    c(\" \")   \" f"),
        ("#\"b\" \\(c)\"# d", "#\"       \"# d"),
        ("#\"b \\#(c) d\"# e", "#\"     c   \"# e"),
        ("\"\"\"\nb \"c\" {\n\"\"\" d", "\"\"\"\n       \n\"\"\" d"),
        ("\"b // c\" d", "\"      \" d"),
        ("// \"b\nc", "     \nc"),
        ("\"b\nc", "\" \nc"),
        ("func `b { c`()", "func `b___c`()"),
        ("a = /b\"{/ c", "a =       c"),
        ("a / b / c", "a / b / c"),
        ("#/b\"{/# c", "#/   /# c"),
        ("#if a", "#if a"),
    ])
    func maskKeepsCodeOnly(text: String, code: String) {
        #expect(String(decoding: makeFile(text).code, as: UTF8.self) == code)
    }

    @Test func commentsAreKeptApart() {
        let file = makeFile("a // b\n/* c\nd */ \"// e\"\n")
        let comments = String(decoding: file.comments, as: UTF8.self)
        #expect(comments == "  // b\n/* c\nd */       \n")
    }

    @Test(arguments: [
        "\"", "\"\"\"", "/*", "`", "#\"", "\"\\(", "\"\\", "#/", "/", "//", "*/", ")",
    ])
    func unfinishedTextNeverTraps(text: String) {
        for before in ["", "a ", "\"\\(", "= "] {
            let file = makeFile(before + text)
            #expect(file.code.count == file.bytes.count)
        }
    }
}

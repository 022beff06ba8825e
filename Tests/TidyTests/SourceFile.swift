import Foundation

/// One text file of the repository, read once, with its Swift code and comments told apart.
///
/// All parts have the same length, so an offset into one is an offset into the others.
struct SourceFile: Sendable, CustomStringConvertible {
    /// Relative to the package root, with `/`.
    let path: String
    let bytes: [UInt8]
    /// The text with comments and the contents of strings blanked (Swift), else the text.
    let code: [UInt8]
    /// The comments alone (Swift), else the text.
    let comments: [UInt8]
    private let lineStarts: [Int]

    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
        if path.hasSuffix(".swift") {
            var mask = SwiftMask(bytes)
            mask.run()
            (code, comments) = (mask.code, mask.comments)
        } else {
            (code, comments) = (bytes, bytes)
        }
        lineStarts = [0] + findOffsets(of: "\n", in: bytes).map { $0 + 1 }
    }

    init(path: String, text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }

    /// The path alone: a failing expectation prints what it compared.
    var description: String { path }
}

// What kind of file it is, by its path.
extension SourceFile {
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isMarkdown: Bool { path.hasSuffix(".md") }
    var isScript: Bool { path.hasSuffix(".py") || path.hasSuffix(".sh") }
    var isInSources: Bool { path.hasPrefix("Sources/") && isSwift }
    var isInTests: Bool { path.hasPrefix("Tests/") && isSwift }

    /// Data of tests: exempt from every rule of style.
    var isFixture: Bool {
        path.split(separator: "/").dropLast().contains { $0.lowercased() == "fixtures" }
    }

    /// Files whose lines people read and edit.
    var isProse: Bool {
        let endings = [".toml", ".yml", ".yaml", ".c", ".h"]
        return isSwift || isMarkdown || isScript || name == "Makefile" || name == "Dockerfile"
            || endings.contains { path.hasSuffix($0) }
    }
}

// Lines.
extension SourceFile {
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The number of lines; a line end at the end of the file starts no further line.
    var lineCount: Int {
        bytes.last == UInt8(ascii: "\n") ? lineStarts.count - 1 : lineStarts.count
    }

    /// The lines of the text without their line ends.
    var lines: [String] {
        (0..<lineCount).map { String(decoding: bytes[lineRange($0)], as: UTF8.self) }
    }

    /// The bytes of a line (counted from 0), without its line end.
    func lineRange(_ index: Int) -> Range<Int> {
        let end = index + 1 < lineStarts.count ? lineStarts[index + 1] - 1 : bytes.count
        return lineStarts[index]..<end
    }

    /// The number of the line, from 1, that an offset lies on.
    func line(at offset: Int) -> Int {
        var (low, high) = (0, lineStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    func violation(at offset: Int, _ message: String) -> Violation {
        Violation(path: path, line: line(at: offset), message: message)
    }

    func violation(_ message: String, line: Int? = nil) -> Violation {
        Violation(path: path, line: line, message: message)
    }
}

// Searching. By `memchr` and `memcmp`, because a loop over bytes is slow in debug builds.

/// Where a needle occurs, in rising order, without overlaps.
func findOffsets(of needle: String, in bytes: [UInt8]) -> [Int] {
    let needle = Array(needle.utf8)
    guard let first = needle.first else { return [] }
    return bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return [] }
        var offsets: [Int] = []
        var start = 0
        while start + needle.count <= bytes.count,
            let hit = memchr(base + start, Int32(first), bytes.count - needle.count - start + 1)
        {
            let isHit = memcmp(hit, needle, needle.count) == 0
            let offset = UnsafeRawPointer(hit) - base
            if isHit { offsets.append(offset) }
            start = offset + (isHit ? needle.count : 1)
        }
        return offsets
    }
}

/// Where a word occurs that no longer identifier is around.
func findWords(_ word: String, in bytes: [UInt8]) -> [Int] {
    findOffsets(of: word, in: bytes).filter { offset in
        let end = offset + word.utf8.count
        return !(offset > 0 && isIdentifierByte(bytes[offset - 1]))
            && !(end < bytes.count && isIdentifierByte(bytes[end]))
    }
}

func isIdentifierByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
        true
    default: false
    }
}

/// The offset of the first byte at or after `offset` that is no space and no tab.
func skipBlanks(_ bytes: [UInt8], from offset: Int) -> Int {
    var offset = offset
    while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 }
    return offset
}

/// The identifier that starts at `offset`, or an empty string.
func readIdentifier(_ bytes: [UInt8], at offset: Int) -> String {
    var end = offset
    while end < bytes.count, isIdentifierByte(bytes[end]) { end += 1 }
    return offset < end ? String(decoding: bytes[offset..<end], as: UTF8.self) : ""
}

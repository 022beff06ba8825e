import Foundation

/// Keys in one piece of memory, one after the other.
package struct KeyList: Sendable {
    package let bytes: [UInt8]
    private let ends: [Int]

    package var count: Int { ends.count }

    /// Where a key's bytes lie in `bytes`.
    package func range(_ index: Int) -> Range<Int> {
        (index == 0 ? 0 : ends[index - 1])..<ends[index]
    }

    /// One key a line, or lines of `svc-index import`, whose names are taken.
    ///
    /// Throws for a file without keys and for a key that cannot stand in a path as it is.
    package init(file path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw KeyListError(text: "\(path) cannot be read")
        }
        try self.init(text: [UInt8](data), source: path)
    }

    package init(text: [UInt8], source: String = "the keys") throws {
        var (bytes, ends) = ([UInt8](), [Int]())
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            guard let key = Self.key(in: line) else {
                throw KeyListError(text: "\(source), line \(number + 1): no name in this object")
            }
            if key.isEmpty { continue }
            guard key.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"?#/%".utf8.contains($0) }) else {
                throw KeyListError(text: "\(source), line \(number + 1): not a key")
            }
            bytes += key
            ends.append(bytes.count)
        }
        guard !ends.isEmpty else { throw KeyListError(text: "\(source) has no keys") }
        (self.bytes, self.ends) = (bytes, ends)
    }

    /// The line itself, or the value of `"name"` in the object of an import line.
    private static func key(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        line.first == UInt8(ascii: "{") ? name(in: line) : line
    }

    /// Objects inside the outermost one have names too, and those are not asked for.
    ///
    /// A decoder would take a minute for a few million lines; this looks for one member only.
    private static func name(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var (depth, position) = (0, line.startIndex)
        while position < line.endIndex {
            switch line[position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                guard let text = string(in: line, from: position) else { return nil }
                position = text.endIndex
                let next = skippingSpaces(in: line, from: position + 1)
                if depth == 1, next < line.endIndex, line[next] == UInt8(ascii: ":"),
                    text.elementsEqual("name".utf8)
                {
                    return string(in: line, from: skippingSpaces(in: line, from: next + 1))
                        .flatMap(unescaped)
                }
            default: break
            }
            position += 1
        }
        return nil
    }

    /// What stands between the quotes of a string that begins here; nil if none does.
    private static func string(
        in line: ArraySlice<UInt8>,
        from position: Int
    ) -> ArraySlice<UInt8>? {
        guard position < line.endIndex, line[position] == UInt8(ascii: "\"") else { return nil }
        var end = position + 1
        while end < line.endIndex, line[end] != UInt8(ascii: "\"") {
            end += line[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        return end < line.endIndex ? line[(position + 1)..<end] : nil
    }

    private static func skippingSpaces(in line: ArraySlice<UInt8>, from position: Int) -> Int {
        line[position...].firstIndex { $0 > 0x20 } ?? line.endIndex
    }

    private static func unescaped(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        let quoted = Data("\"".utf8 + text + "\"".utf8)
        return (try? JSONDecoder().decode(String.self, from: quoted)).map { ArraySlice($0.utf8) }
    }
}

package struct KeyListError: Error, CustomStringConvertible {
    package let text: String
    package var description: String { text }
}

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
        for (number, line) in text.split(separator: UInt8(ascii: "\n")).enumerated() {
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

    /// The line itself, or what follows `"name":` in an import line.
    private static func key(in line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard line.first == UInt8(ascii: "{") else { return line }
        let mark = Array(#""name":"#.utf8)
        guard let found = line.firstRange(of: mark) else { return nil }
        let open = line[found.upperBound...].firstIndex(of: UInt8(ascii: "\""))
        guard let open, let close = line[(open + 1)...].firstIndex(of: UInt8(ascii: "\"")) else {
            return nil
        }
        return line[(open + 1)..<close]
    }
}

package struct KeyListError: Error, CustomStringConvertible {
    package let text: String
    package var description: String { text }
}

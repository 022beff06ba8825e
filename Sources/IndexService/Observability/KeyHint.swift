/// A key shortened for the log: enough to recognise it, and nothing that breaks a line.
///
/// Content ids keep their first 12 characters, names their first 48; `…` marks the cut. Bytes
/// outside of printable ASCII, which no valid key has, become `?`.
package struct KeyHint: CustomStringConvertible, Sendable {
    package let description: String

    package init(_ key: some StringProtocol) {
        let limit = key.hasPrefix("b3:") ? 12 : 48
        let kept = key.utf8.prefix(limit)
        let printable = kept.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        let isCut = kept.endIndex != key.utf8.endIndex
        description = String(decoding: printable, as: UTF8.self) + (isCut ? "…" : "")
    }
}

/// Cuts a stream of bytes into lines, each at most `maximumLength` bytes; memory stays within twice
/// that.
///
/// A carriage return before the line break belongs to the break, not to the line.
package struct LineSplitter {
    /// One line of the input, without its line break.
    package enum Line: Equatable, Sendable {
        case text([UInt8])
        /// Longer than allowed; its bytes were passed over.
        case tooLong
    }

    private let maximumLength: Int
    private var partial: [UInt8] = []
    private var isSkipping = false

    package init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Takes the next bytes and hands on every line that they complete.
    package mutating func feed(_ bytes: some Collection<UInt8>, _ handle: (Line) -> Void) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            handle(take())
            rest = rest[end...].dropFirst()
        }
        append(rest)
    }

    /// The last line, when the input did not end with a line break.
    package mutating func finish(_ handle: (Line) -> Void) {
        if isSkipping || !partial.isEmpty { handle(take()) }
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        guard !isSkipping else { return }
        let isAtReturn = (Array(bytes.suffix(1)).last ?? partial.last) == UInt8(ascii: "\r")
        if partial.count + bytes.count > maximumLength + (isAtReturn ? 1 : 0) {
            isSkipping = true
            partial = []
        } else {
            partial += bytes
        }
    }

    private mutating func take() -> Line {
        defer {
            partial.removeAll(keepingCapacity: true)
            isSkipping = false
        }
        if isSkipping { return .tooLong }
        return .text(partial.last == UInt8(ascii: "\r") ? partial.dropLast() : partial)
    }
}

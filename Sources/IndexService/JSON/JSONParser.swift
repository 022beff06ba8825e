/// Parses JSON strictly: RFC 8259 with the duties of I-JSON (RFC 7493) that RFC 8785 builds on.
///
/// Refused beyond bad grammar: invalid UTF-8, a byte order mark, lone surrogates, names that stand
/// twice, numbers beyond a double, integers whose digits a double cannot keep, too much nesting.
/// Any bytes whatever are safe: nothing traps or recurses, and memory stays below about 50 times
/// the size limit. Keep one parser for many texts: its stacks keep their memory.
package struct JSONParser {
    /// What a text may cost.
    package struct Limits: Hashable, Sendable {
        /// The longest text, in bytes.
        package var bytes: Int
        /// How many arrays and objects may be open at once.
        package var depth: Int

        package init(bytes: Int, depth: Int = 64) {
            self.bytes = bytes
            self.depth = depth
        }
    }

    package let limits: Limits
    /// The next byte to read.
    var position = 0
    /// Whether the whole text is ASCII; strings that know they are hash and compare faster.
    var isASCII = false
    /// Unescaped bytes of the string that is being read.
    var unescaped: [UInt8] = []
    private var openContainers: [Container] = []
    /// Values of all open containers; each container's begin at its `firstValue`.
    private var values: [JSONValue] = []
    /// Names of all open objects, as many per object as it has values, or one more.
    private var names: [Name] = []

    private struct Container {
        let isObject: Bool
        let firstValue: Int
        let firstName: Int
    }

    private struct Name {
        let text: String
        let offset: Int
    }

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Parses one text that is one value, with white space around it at most.
    package mutating func parse(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytes else {
            throw .syntax(.tooLarge(limit: limits.bytes), offset: limits.bytes)
        }
        try checkUTF8(bytes)
        position = 0
        openContainers.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        let value = try document(bytes)
        skipWhiteSpace(bytes)
        guard position == bytes.count else { throw failure(.trailingBytes) }
        return value
    }

    /// The error of a rule that broke at the next byte.
    func failure(_ rule: JSONError.Rule) -> JSONError {
        .syntax(rule, offset: position)
    }

    /// `rule`, or the end of the text when that is what is wrong.
    func failureOrEnd(_ rule: JSONError.Rule, _ bytes: Span<UInt8>) -> JSONError {
        failure(position < bytes.count ? rule : .endedEarly)
    }

    private mutating func checkUTF8(_ bytes: Span<UInt8>) throws(JSONError) {
        do throws(UTF8.ValidationError) {
            var text = try UTF8Span(validating: bytes)
            isASCII = text.checkForASCII()
        } catch {
            throw .syntax(.invalidUTF8, offset: error.byteOffsets.lowerBound)
        }
    }
}

// MARK: - Structure

extension JSONParser {
    /// Reads values until the outermost is complete; the open containers are the stack.
    private mutating func document(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        while true {
            guard var value = try valueOrOpening(bytes) else { continue }
            while true {
                guard let container = openContainers.last else { return value }
                values.append(value)
                guard try closes(container, bytes) else { break }
                openContainers.removeLast()
                value = try container.isObject ? closeObject(container) : closeArray(container)
            }
        }
    }

    /// A whole scalar or an empty container; nil when a container was opened that has content.
    private mutating func valueOrOpening(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue? {
        skipWhiteSpace(bytes)
        guard position < bytes.count else { throw failure(.endedEarly) }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try string(bytes))
        case UInt8(ascii: "{"): return try openObject(bytes)
        case UInt8(ascii: "["): return try openArray(bytes)
        case UInt8(ascii: "t"): return try literal("true", .bool(true), bytes)
        case UInt8(ascii: "f"): return try literal("false", .bool(false), bytes)
        case UInt8(ascii: "n"): return try literal("null", .null, bytes)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(try number(bytes))
        default: throw failure(.expectedValue)
        }
    }

    private mutating func openArray(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue? {
        try open(isObject: false)
        skipWhiteSpace(bytes)
        guard !take(UInt8(ascii: "]"), bytes) else {
            openContainers.removeLast()
            return .array([])
        }
        return nil
    }

    private mutating func openObject(_ bytes: Span<UInt8>) throws(JSONError) -> JSONValue? {
        try open(isObject: true)
        skipWhiteSpace(bytes)
        guard !take(UInt8(ascii: "}"), bytes) else {
            openContainers.removeLast()
            return .object(JSONObject(sorted: []))
        }
        try name(bytes)
        return nil
    }

    private mutating func open(isObject: Bool) throws(JSONError) {
        guard openContainers.count < limits.depth else {
            throw failure(.tooDeep(limit: limits.depth))
        }
        position += 1
        openContainers.append(
            Container(isObject: isObject, firstValue: values.count, firstName: names.count)
        )
    }

    /// Reads a member's name and its colon.
    private mutating func name(_ bytes: Span<UInt8>) throws(JSONError) {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
            throw failureOrEnd(.expectedName, bytes)
        }
        let offset = position
        names.append(Name(text: try string(bytes), offset: offset))
        skipWhiteSpace(bytes)
        guard take(UInt8(ascii: ":"), bytes) else { throw failureOrEnd(.expectedColon, bytes) }
    }

    /// After a value: whether its container ends here; otherwise goes past the comma and name.
    private mutating func closes(
        _ container: Container,
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> Bool {
        skipWhiteSpace(bytes)
        if take(UInt8(ascii: ","), bytes) {
            guard container.isObject else { return false }
            skipWhiteSpace(bytes)
            try name(bytes)
            return false
        }
        guard take(UInt8(ascii: container.isObject ? "}" : "]"), bytes) else {
            throw failureOrEnd(
                container.isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket,
                bytes
            )
        }
        return true
    }

    private mutating func closeArray(_ container: Container) throws(JSONError) -> JSONValue {
        let elements = Array(values[container.firstValue...])
        values.removeSubrange(container.firstValue...)
        return .array(elements)
    }

    private mutating func closeObject(_ container: Container) throws(JSONError) -> JSONValue {
        let count = values.count - container.firstValue
        var members: [JSONObject.Member] = []
        members.reserveCapacity(count)
        for index in 0..<count {
            members.append(
                JSONObject.Member(
                    name: names[container.firstName + index].text,
                    value: values[container.firstValue + index]
                )
            )
        }
        if let twice = JSONObject.sort(&members) {
            let offset = names.last { $0.text.hasSameUTF8(as: twice) }?.offset ?? position
            throw .syntax(.duplicateName(twice), offset: offset)
        }
        values.removeSubrange(container.firstValue...)
        names.removeSubrange(container.firstName...)
        return .object(JSONObject(sorted: members))
    }
}

// MARK: - Tokens

extension JSONParser {
    mutating func skipWhiteSpace(_ bytes: Span<UInt8>) {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Goes past a byte if it is the next one.
    mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func literal(
        _ text: StaticString,
        _ value: JSONValue,
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> JSONValue {
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count else { throw failure(.endedEarly) }
        let matches = bytes.extracting(position..<end).withUnsafeBufferPointer { found in
            text.withUTF8Buffer { $0.elementsEqual(found) }
        }
        guard matches else { throw failure(.expectedValue) }
        position = end
        return value
    }
}

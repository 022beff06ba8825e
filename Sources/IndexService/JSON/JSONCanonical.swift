extension JSONValue {
    /// The canonical bytes of RFC 8785 (JCS): a manifest is stored as these and hashed over them.
    ///
    /// Can be up to six times as long as the text it was parsed from (`1e20` is written out), so
    /// check a limit on what comes out, not on what came in.
    package func canonicalBytes(reserving capacity: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        bytes.appendCanonical(self)
        return bytes
    }
}

extension [UInt8] {
    /// Appends a value in canonical form.
    ///
    /// Recurses as deep as the value, which for parsed values is at most the parser's limit.
    mutating func appendCanonical(_ value: JSONValue) {
        switch value {
        case .null: appendLiteral("null")
        case .bool(let value): appendLiteral(value ? "true" : "false")
        case .number(let number): appendCanonical(number)
        case .string(let string): appendJSONString(string)
        case .array(let values): appendCanonical(values)
        case .object(let object): appendCanonical(object)
        }
    }

    mutating func appendLiteral(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    private mutating func appendCanonical(_ values: [JSONValue]) {
        append(UInt8(ascii: "["))
        for index in values.indices {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendCanonical(values[index])
        }
        append(UInt8(ascii: "]"))
    }

    private mutating func appendCanonical(_ object: JSONObject) {
        append(UInt8(ascii: "{"))
        for index in object.members.indices {
            if index > 0 { append(UInt8(ascii: ",")) }
            appendJSONString(object.members[index].name)
            append(UInt8(ascii: ":"))
            appendCanonical(object.members[index].value)
        }
        append(UInt8(ascii: "}"))
    }
}

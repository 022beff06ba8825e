/// Takes the fields out of a JSON object that a user sent: a request body, an import line.
///
/// Made with all the names that may stand in the object, and refuses any other at once. Getters
/// without `required` take both a missing field and `null` for absent. Every refusal is a
/// `JSONError.field` whose sentence names the field and what it must be.
package struct JSONObjectReader {
    private let object: JSONObject
    private let place: Place

    /// Where an object stands in the text; spelled out only when there is something to complain of.
    private enum Place {
        case whole(StaticString)
        case element(field: StaticString, index: Int)
    }

    /// Reads an object that is the whole of `subject`, such as "the body".
    package init(
        _ value: JSONValue,
        fields: [StaticString],
        subject: StaticString = "the body"
    ) throws(JSONError) {
        try self.init(value, fields: fields, place: .whole(subject))
    }

    private init(_ value: JSONValue, fields: [StaticString], place: Place) throws(JSONError) {
        guard case .object(let object) = value else {
            throw .field(Self.sentence(for: nil, at: place, "must be a JSON object"))
        }
        self.object = object
        self.place = place
        for member in object.members
        where !fields.contains(where: { member.name.hasSameUTF8(as: $0) }) {
            throw .field(Self.unknown(member.name, at: place, allowed: fields))
        }
    }
}

// MARK: - Getters

extension JSONObjectReader {
    /// Any value, `null` among them; nil only when the field is missing.
    package func value(_ name: StaticString) -> JSONValue? { object[name] }

    /// A string of so many bytes of UTF-8.
    package func string(
        _ name: StaticString,
        bytes limits: ClosedRange<Int> = 1...2048
    ) throws(JSONError) -> String? {
        guard let value = present(name) else { return nil }
        guard case .string(let string) = value, limits.contains(string.utf8.count) else {
            throw refusal(
                name,
                "must be a string of \(limits.lowerBound) to \(limits.upperBound) bytes"
            )
        }
        return string
    }

    package func requiredString(
        _ name: StaticString,
        bytes limits: ClosedRange<Int> = 1...2048
    ) throws(JSONError) -> String {
        try required(name, try string(name, bytes: limits))
    }

    /// A number without a fraction, however it was written (`3e2` is 300).
    package func integer(
        _ name: StaticString,
        in limits: ClosedRange<Int>
    ) throws(JSONError) -> Int? {
        guard let value = present(name) else { return nil }
        guard case .number(let number) = value, let integer = number.integer,
            limits.contains(integer)
        else {
            throw refusal(
                name,
                "must be an integer from \(limits.lowerBound) to \(limits.upperBound)"
            )
        }
        return integer
    }

    package func requiredInteger(
        _ name: StaticString,
        in limits: ClosedRange<Int>
    ) throws(JSONError) -> Int {
        try required(name, try integer(name, in: limits))
    }

    package func bool(_ name: StaticString) throws(JSONError) -> Bool? {
        guard let value = present(name) else { return nil }
        guard case .bool(let bool) = value else { throw refusal(name, "must be true or false") }
        return bool
    }

    package func requiredBool(_ name: StaticString) throws(JSONError) -> Bool {
        try required(name, try bool(name))
    }

    /// An array of so many strings, each of so many bytes.
    package func strings(
        _ name: StaticString,
        count limits: ClosedRange<Int>,
        bytes: ClosedRange<Int> = 1...2048
    ) throws(JSONError) -> [String]? {
        guard let values = try array(name, count: limits, of: "strings") else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard case .string(let string) = value, bytes.contains(string.utf8.count) else {
                throw .field(
                    Self.sentence(
                        for: nil,
                        at: .element(field: name, index: index),
                        "must be a string of \(bytes.lowerBound) to \(bytes.upperBound) bytes"
                    )
                )
            }
            strings.append(string)
        }
        return strings
    }

    package func requiredStrings(
        _ name: StaticString,
        count limits: ClosedRange<Int>,
        bytes: ClosedRange<Int> = 1...2048
    ) throws(JSONError) -> [String] {
        try required(name, try strings(name, count: limits, bytes: bytes))
    }

    /// An array of so many objects that have these fields.
    package func objects(
        _ name: StaticString,
        count limits: ClosedRange<Int>,
        fields: [StaticString]
    ) throws(JSONError) -> [JSONObjectReader]? {
        guard let values = try array(name, count: limits, of: "objects") else { return nil }
        var readers: [JSONObjectReader] = []
        readers.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            let place = Place.element(field: name, index: index)
            readers.append(try JSONObjectReader(value, fields: fields, place: place))
        }
        return readers
    }

    private func array(
        _ name: StaticString,
        count limits: ClosedRange<Int>,
        of what: StaticString
    ) throws(JSONError) -> [JSONValue]? {
        guard let value = present(name) else { return nil }
        guard case .array(let values) = value, limits.contains(values.count) else {
            let range = "\(limits.lowerBound) to \(limits.upperBound)"
            throw refusal(name, "must be an array of \(range) \(what)")
        }
        return values
    }

    /// The value of a field, nil when it is missing or null.
    private func present(_ name: StaticString) -> JSONValue? {
        guard let value = object[name] else { return nil }
        if case .null = value { return nil }
        return value
    }

    private func required<Value>(
        _ name: StaticString,
        _ value: Value?
    ) throws(JSONError) -> Value {
        guard let value else { throw refusal(name, "is required") }
        return value
    }
}

// MARK: - Sentences

extension JSONObjectReader {
    /// A refusal of one field, for rules that the getters do not know: `field "addr" is odd`.
    package func refusal(_ name: StaticString, _ complaint: String) -> JSONError {
        .field(Self.sentence(for: name, at: place, complaint))
    }

    private static func sentence(
        for name: StaticString?,
        at place: Place,
        _ complaint: String
    ) -> String {
        switch (place, name) {
        case (.whole(let subject), nil): "\(subject) \(complaint)"
        case (.whole, .some(let name)): "field \"\(name)\" \(complaint)"
        case (.element(let field, let index), nil): "field \"\(field)[\(index)]\" \(complaint)"
        case (.element(let field, let index), .some(let name)):
            "field \"\(field)[\(index)].\(name)\" \(complaint)"
        }
    }

    private static func unknown(
        _ name: String,
        at place: Place,
        allowed: [StaticString]
    ) -> String {
        let allowed = allowed.map { "\($0)" }.joined(separator: ", ")
        let found = "unknown field \(quotedForMessage(name))"
        return switch place {
        case .whole: "\(found); allowed: \(allowed)"
        case .element(let field, let index): "\(found) in \(field)[\(index)]; allowed: \(allowed)"
        }
    }
}

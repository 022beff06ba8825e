/// A parsed JSON document, in the shape that RFC 8785 puts in order.
///
/// Two values are equal when their canonical bytes are: strings compare by code unit, not by
/// Unicode equivalence as Swift's `String` does ("K" is not the Kelvin sign), and the order in
/// which an object's members were written does not count.
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// A finite IEEE 754 double: the only number RFC 8785 knows (section 3.2.2.3).
///
/// There is no NaN, no infinity and no negative zero, for canonical JSON has none.
package struct JSONNumber: Hashable, Sendable {
    package let value: Double

    /// Nil for NaN and the infinities.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        self.init(finite: value)
    }

    /// Adopts a value that its caller knows to be finite.
    init(finite value: Double) {
        assert(value.isFinite)
        self.value = value == 0 ? 0 : value
    }

    /// The number as an integer, nil when it has a fraction or does not fit; `3e2` is 300.
    package var integer: Int? { Int(exactly: value) }
}

/// The members of an object, each name once, sorted by the UTF-16 code units of the names.
///
/// Sorted when made, so that the canonical form (RFC 8785 section 3.2.3) is a plain walk and a
/// duplicate name lies beside its twin.
package struct JSONObject: Sendable {
    package struct Member: Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package let members: [Member]

    /// Sorts the members; nil when a name stands twice.
    package init?(_ members: [Member]) {
        var members = members
        guard JSONObject.sort(&members) == nil else { return nil }
        self.members = members
    }

    /// Adopts members that are in order and distinct already.
    init(sorted members: [Member]) {
        self.members = members
    }

    /// The value of a name; looks through the members one by one.
    package subscript(name: StaticString) -> JSONValue? {
        members.first { $0.name.hasSameUTF8(as: name) }?.value
    }

    /// Puts members into canonical order; answers a name that stands twice, if there is one.
    static func sort(_ members: inout [Member]) -> String? {
        if isAscending(members) { return nil }
        members.sort { compareByUTF16($0.name, $1.name) < 0 }
        for index in members.indices.dropFirst() {
            let name = members[index].name
            if name.hasSameUTF8(as: members[index - 1].name) { return name }
        }
        return nil
    }

    private static func isAscending(_ members: [Member]) -> Bool {
        for index in members.indices.dropFirst()
        where compareByUTF16(members[index - 1].name, members[index].name) >= 0 {
            return false
        }
        return true
    }
}

extension JSONValue: Hashable {
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameUTF8(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): value.hashUTF8(into: &hasher)
        case .array(let values): hasher.combine(values)
        case .object(let object): hasher.combine(object)
        }
    }
}

extension JSONObject: Hashable {}

extension JSONObject.Member: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.name.hasSameUTF8(as: right.name) && left.value == right.value
    }

    package func hash(into hasher: inout Hasher) {
        name.hashUTF8(into: &hasher)
        hasher.combine(value)
    }
}

/// What a kind of setting may be, how it is read and how it is written.
///
/// `parse` accepts what `render` and `text` make, from every source.
package struct SettingFormat<Value: Sendable & Equatable>: Sendable {
    let unit: String?
    let expected: String
    let allowed: String
    let bounds: ClosedRange<Int>?
    let parse: @Sendable (RawSetting) throws(SettingFault) -> Value
    let render: @Sendable (Value) -> RawSetting
    let text: @Sendable (Value) -> String
}

/// Why a value was refused.
package enum SettingFault: Error, Sendable, Equatable {
    case wrongType
    case outOfRange

    /// Of the right type, but not well formed: a sentence's end that says what is wrong.
    case malformed(String)
}

extension SettingFormat where Value == Int {
    static func count(_ bounds: ClosedRange<Int>) -> Self {
        whole(bounds, unit: nil, expected: "a whole number")
    }

    static func percent(_ bounds: ClosedRange<Int>) -> Self {
        whole(bounds, unit: "%", expected: "a whole number of percent, without the sign")
    }

    /// Bytes, plain or with one of KiB, MiB, GiB.
    static func bytes(_ bounds: ClosedRange<Int>) -> Self {
        SettingFormat(
            unit: "bytes",
            expected: "a whole number of bytes, plain or with KiB, MiB or GiB",
            allowed: "\(ByteSize.text(bounds.lowerBound)) to \(ByteSize.text(bounds.upperBound))",
            bounds: bounds,
            parse: { (raw) throws(SettingFault) in try ByteSize.parse(raw).within(bounds) },
            render: { .integer($0) },
            text: { ByteSize.text($0) }
        )
    }

    private static func whole(
        _ bounds: ClosedRange<Int>,
        unit: String?,
        expected: String
    ) -> Self {
        SettingFormat(
            unit: unit,
            expected: expected,
            allowed: "\(bounds.lowerBound) to \(bounds.upperBound)",
            bounds: bounds,
            parse: { (raw) throws(SettingFault) in try raw.wholeNumber().within(bounds) },
            render: { .integer($0) },
            text: { String($0) }
        )
    }
}

extension SettingFormat where Value == Duration {
    static func seconds(_ bounds: ClosedRange<Int>) -> Self {
        time(bounds, unit: "s", name: "seconds", make: { .seconds($0) }, per: .seconds(1))
    }

    static func milliseconds(_ bounds: ClosedRange<Int>) -> Self {
        time(
            bounds,
            unit: "ms",
            name: "milliseconds",
            make: { .milliseconds($0) },
            per: .milliseconds(1)
        )
    }

    private static func time(
        _ bounds: ClosedRange<Int>,
        unit: String,
        name: String,
        make: @escaping @Sendable (Int) -> Duration,
        per step: Duration
    ) -> Self {
        SettingFormat(
            unit: unit,
            expected: "a whole number of \(name), without a unit",
            allowed: "\(bounds.lowerBound) to \(bounds.upperBound)",
            bounds: bounds,
            parse: { (raw) throws(SettingFault) in make(try raw.wholeNumber().within(bounds)) },
            render: { .integer(Int(($0 / step).rounded())) },
            text: { String(Int(($0 / step).rounded())) }
        )
    }
}

extension SettingFormat where Value == Bool {
    static var flag: Self {
        SettingFormat(
            unit: nil,
            expected: "true or false",
            allowed: "true, false",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                switch raw {
                case .boolean(let value): return value
                case .text("true"): return true
                case .text("false"): return false
                default: throw .wrongType
                }
            },
            render: { .boolean($0) },
            text: { String($0) }
        )
    }
}

extension SettingFormat
where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the words of an enum.
    static var choice: Self {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return SettingFormat(
            unit: nil,
            expected: "one of the words",
            allowed: words,
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                guard let value = Value(rawValue: try raw.plainText()) else {
                    throw .outOfRange
                }
                return value
            },
            render: { .string($0.rawValue) },
            text: { $0.rawValue }
        )
    }
}

extension RawSetting {
    /// The text of a source without types, or a string of one with types.
    func plainText() throws(SettingFault) -> String {
        switch self {
        case .text(let text), .string(let text): return text
        default: throw .wrongType
        }
    }

    /// A number in plain decimal digits; more than 64 bits of them are out of range.
    func wholeNumber() throws(SettingFault) -> Int {
        switch self {
        case .integer(let number): return number
        case .text(let text): return try RawSetting.wholeNumber(text[...])
        default: throw .wrongType
        }
    }

    /// `Int(text)` alone would take "+5", and would not tell too large from not a number.
    static func wholeNumber(_ text: Substring) throws(SettingFault) -> Int {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .wrongType
        }
        guard let number = Int(text) else { throw .outOfRange }
        return number
    }
}

extension Int {
    fileprivate func within(_ bounds: ClosedRange<Int>) throws(SettingFault) -> Int {
        guard bounds.contains(self) else { throw .outOfRange }
        return self
    }
}

/// Numbers of bytes as people write them.
enum ByteSize {
    private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    /// Reads `1048576`, `1024KiB` or `1MiB`; in a file also the plain integer.
    static func parse(_ raw: RawSetting) throws(SettingFault) -> Int {
        if case .integer(let bytes) = raw { return bytes }
        let text = try raw.plainText()
        for (name, factor) in units where text.hasSuffix(name) {
            let number = try RawSetting.wholeNumber(text.dropLast(name.count))
            let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw .outOfRange }
            return bytes
        }
        return try RawSetting.wholeNumber(text[...])
    }

    /// The largest unit that leaves no remainder, otherwise plain bytes.
    static func text(_ bytes: Int) -> String {
        for (name, factor) in units where bytes >= factor && bytes % factor == 0 {
            return "\(bytes / factor)\(name)"
        }
        return String(bytes)
    }
}

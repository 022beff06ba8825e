/// Formats of addresses, paths and lists.
extension SettingFormat where Value == String {
    /// A file system path of at most 4096 bytes (Linux PATH_MAX).
    static var path: Self {
        SettingFormat(
            unit: nil,
            expected: "a path",
            allowed: "1 to 4096 bytes",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                try checkedPath(raw.plainText())
            },
            render: { .string($0) },
            text: { $0 }
        )
    }

    /// The name of a region, where empty is none; `Region` takes the same characters.
    static var region: Self {
        SettingFormat(
            unit: nil,
            expected: "a region",
            allowed: "empty, or up to 64 of a-z 0-9 -",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let text = try raw.plainText()
                guard text.utf8.count <= 64, text.utf8.allSatisfy(isRegionByte) else {
                    throw .outOfRange
                }
                return text
            },
            render: { .string($0) },
            text: { $0 }
        )
    }
}

extension SettingFormat where Value == String? {
    /// A path, where empty is none.
    static var optionalPath: Self {
        SettingFormat(
            unit: nil,
            expected: "a path",
            allowed: "empty, or 1 to 4096 bytes",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let text = try raw.plainText()
                return text.isEmpty ? nil : try checkedPath(text)
            },
            render: { .string($0 ?? "") },
            text: { $0 ?? "" }
        )
    }
}

extension SettingFormat where Value == ListenAddress {
    static var address: Self {
        SettingFormat(
            unit: nil,
            expected: ListenAddress.form,
            allowed: ListenAddress.form,
            bounds: nil,
            parse: { (raw) throws(SettingFault) in try ListenAddress(parsing: raw.plainText()) },
            render: { .string($0.description) },
            text: { $0.description }
        )
    }
}

extension SettingFormat where Value == ListenAddress? {
    /// An address, where empty is none.
    static var optionalAddress: Self {
        SettingFormat(
            unit: nil,
            expected: ListenAddress.form,
            allowed: "empty, or \(ListenAddress.form)",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let text = try raw.plainText()
                return text.isEmpty ? nil : try ListenAddress(parsing: text)
            },
            render: { .string($0?.description ?? "") },
            text: { $0?.description ?? "" }
        )
    }
}

extension SettingFormat where Value == [AddressPattern] {
    /// Patterns, separated by commas outside the file; empty is none.
    static var patterns: Self {
        SettingFormat(
            unit: nil,
            expected: "a list of hosts",
            allowed: "up to \(AddressPattern.longestList) of host, *.suffix, address/prefix",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let items = try raw.listItems()
                guard items.count <= AddressPattern.longestList else { throw .outOfRange }
                var patterns: [AddressPattern] = []
                for item in items { patterns.append(try AddressPattern(parsing: item)) }
                return patterns
            },
            render: { .list($0.map(\.description)) },
            text: { $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension SettingFormat where Value == [ResolveKey] {
    /// Names and content ids, separated by commas outside the file; empty is none.
    static func keys(_ most: Int) -> Self {
        SettingFormat(
            unit: nil,
            expected: "a list of keys",
            allowed: "up to \(most) of name, b3:…",
            bounds: nil,
            parse: { (raw) throws(SettingFault) in
                let items = try raw.listItems()
                guard items.count <= most else { throw .outOfRange }
                var keys: [ResolveKey] = []
                for item in items {
                    do {
                        keys.append(try ResolveKey(parsing: item))
                    } catch {
                        throw .malformed("is wrong at \(RawSetting.quoted(item)): \(error)")
                    }
                }
                return keys
            },
            render: { .list($0.map(\.description)) },
            text: { $0.map(\.description).joined(separator: ",") }
        )
    }
}

extension RawSetting {
    /// The array of a file, or text cut at its commas with the spaces around them.
    func listItems() throws(SettingFault) -> [String] {
        switch self {
        case .list(let items): return items
        case .text(""): return []
        case .text(let text):
            return text.split(separator: ",", omittingEmptySubsequences: false).map { item in
                let reversed = item.drop { $0 == " " }.reversed().drop { $0 == " " }
                return String(reversed.reversed())
            }
        default: throw .wrongType
        }
    }
}

private func checkedPath(_ text: String) throws(SettingFault) -> String {
    guard (1...4096).contains(text.utf8.count) else { throw .outOfRange }
    guard !text.utf8.contains(0) else { throw .malformed("has a NUL byte") }
    return text
}

private func isRegionByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"):
        true
    default: false
    }
}

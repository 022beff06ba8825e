/// One thing a settings file says, in the order of the file.
struct TOMLItem: Sendable, Equatable {
    /// The names of its tables and its own; never empty.
    let path: [String]

    /// Nil where it is a table.
    let value: RawSetting?

    /// From 1.
    let line: Int
}

/// A mistake in the text of a settings file.
struct TOMLFault: Error, Sendable, Equatable {
    /// From 1.
    let line: Int

    /// The end of a sentence that begins with the file.
    let text: String
}

/// Reads the part of TOML 1.0 (toml.io/en/v1.0.0) that settings are written in.
///
/// Left out, as no setting could use it: strings of several lines, arrays in arrays and tables in
/// inline tables are refused; fractions and dates come out as `.unsupported`. What is accepted
/// means what TOML says. A mistake ends its line, not the file, so that all of them can be told.
struct TOMLReader {
    /// Mistakes after which the rest is not read.
    static let mostFaults = 50

    /// Names in one path; a longer one is refused, for each name is looked up.
    static let longestPath = 8

    private(set) var items: [TOMLItem] = []
    private(set) var faults: [TOMLFault] = []

    var bytes: [UInt8]
    var position = 0
    var line = 1

    /// Set inside brackets, where the end of a line is not the end of a statement.
    var isInArray = false

    /// What a path stands for, which decides whether it may be written again.
    private enum Definition {
        case value, header, impliedByHeader, dotted, listOfTables
    }

    private var definitions: [[String]: Definition] = [:]

    /// The path of the last header; nil where the values behind it are of no use.
    private var table: [String]? = []

    /// Reads the whole text.
    init(_ text: String) {
        bytes = Array(text.utf8)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        while position < bytes.count, faults.count < TOMLReader.mostFaults {
            do {
                try statement()
            } catch {
                faults.append(error)
                if isInArray { break }
                while let byte = peek, byte != newline { advance(byte) }
            }
        }
    }

    /// One line, or several where an array goes over them.
    private mutating func statement() throws(TOMLFault) {
        skipBlanks()
        switch peek {
        case UInt8(ascii: "["): try header()
        case nil, newline, carriageReturn, UInt8(ascii: "#"): break
        default: try assignment()
        }
        skipBlanks()
        try skipComment()
        if isLineEnd, peek == carriageReturn { position += 1 }
        guard peek == nil || peek == newline else {
            throw fault("has \(shownNext) where its line should end")
        }
        if let byte = peek { advance(byte) }
    }

    private mutating func header() throws(TOMLFault) {
        let start = line
        table = nil
        position += 1
        let isList = peek == UInt8(ascii: "[")
        if isList { position += 1 }
        let path = try keyPath()
        try expect(UInt8(ascii: "]"))
        if isList { try expect(UInt8(ascii: "]")) }
        for count in 1..<path.count {
            switch definitions[Array(path.prefix(count))] {
            case nil: definitions[Array(path.prefix(count))] = .impliedByHeader
            case .header, .impliedByHeader, .dotted: break
            case .value: throw notATable(path.prefix(count))
            case .listOfTables: return
            }
        }
        switch definitions[path] {
        case .listOfTables where isList: break
        case nil where isList:
            definitions[path] = .listOfTables
            let value = RawSetting.unsupported("array of tables")
            items.append(TOMLItem(path: path, value: value, line: start))
        case nil,
            .impliedByHeader where !isList:
            definitions[path] = .header
            table = path
            note(path, nil, start)
        default: throw givenTwice(path)
        }
    }

    private mutating func assignment() throws(TOMLFault) {
        let start = line
        let key = try keyPath()
        try expect(UInt8(ascii: "="))
        skipBlanks()
        let path = (table ?? []) + key
        if peek == UInt8(ascii: "{") {
            try define(path, below: table?.count ?? 0)
            try inlineTable(path)
        } else {
            let value = try value()
            try define(path, below: table?.count ?? 0)
            note(path, value, start)
        }
    }

    private mutating func inlineTable(_ path: [String]) throws(TOMLFault) {
        position += 1
        note(path, nil, line)
        skipBlanks()
        if peek == UInt8(ascii: "}") {
            position += 1
        } else {
            var isOpen = true
            while isOpen {
                let inner = path + (try keyPath())
                try expect(UInt8(ascii: "="))
                skipBlanks()
                let value = try value()
                try define(inner, below: path.count)
                note(inner, value, line)
                skipBlanks()
                isOpen = peek == UInt8(ascii: ",")
                if isOpen { position += 1 } else { try expect(UInt8(ascii: "}")) }
            }
        }
    }

    /// Notes that a path has a value; its names behind `count` are tables by dotted keys.
    private mutating func define(_ path: [String], below count: Int) throws(TOMLFault) {
        guard table != nil else { return }
        for length in (count + 1)..<max(path.count, count + 1) {
            let prefix = Array(path.prefix(length))
            switch definitions[prefix] {
            case nil, .dotted: definitions[prefix] = .dotted
            default: throw notATable(prefix[...])
            }
        }
        guard definitions[path] == nil else { throw givenTwice(path) }
        definitions[path] = .value
    }

    private mutating func note(_ path: [String], _ value: RawSetting?, _ line: Int) {
        guard table != nil else { return }
        items.append(TOMLItem(path: path, value: value, line: line))
    }

    private func givenTwice(_ path: [String]) -> TOMLFault {
        fault("gives \(TOMLReader.name(path)) a second time")
    }

    private func notATable(_ path: ArraySlice<String>) -> TOMLFault {
        fault("adds to \(TOMLReader.name(Array(path))), which is no table or is complete")
    }

    /// The path as one name; a name with a dot in it is quoted, or it would read like a path.
    static func name(_ path: [String]) -> String {
        path.map { $0.contains(".") || $0.isEmpty ? RawSetting.quoted($0) : $0 }
            .joined(separator: ".")
    }
}

internal import Glibc
internal import Logging

/// Writes log records as lines to read.
package typealias TextLogHandler = LineLogHandler<TextLogFormat>

/// A record as `<time> <LEVEL> <label>: <message> key=value …`.
///
/// Values with spaces, quotes, `=` or anything but ASCII are quoted as in JSON, and control
/// characters of the message are escaped: a record is one line and cannot steer the terminal.
package struct TextLogFormat: LogLineFormat {
    private let hasColour: Bool

    package init(hasColour: Bool = false) {
        self.hasColour = hasColour
    }

    /// Whether to use colour on standard error: on a terminal, unless `NO_COLOR` is set.
    ///
    /// Source: no-color.org. A terminal that calls itself `dumb` gets none either.
    package static func wantsColour(
        environment: [String: String],
        isTerminal: Bool = isatty(STDERR_FILENO) == 1
    ) -> Bool {
        isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    package func line(for record: LogRecord) -> [UInt8] {
        let level = record.level.rawValue.uppercased()
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line += record.timestamp.utf8
        line += (hasColour ? " \u{1B}[\(Self.colour(record.level))m" : " ").utf8
        line += level.utf8
        line += (hasColour ? "\u{1B}[0m" : "").utf8
        line += String(repeating: " ", count: max(0, 8 - level.utf8.count) + 1).utf8
        append(record.label, to: &line)
        line += ": ".utf8
        append(record.message, to: &line)
        for field in record.fields {
            // An escaped byte takes at most six; 16 is for what stands around and behind.
            let most = 6 * (field.key.utf8.count + field.text.utf8.count) + 16
            guard line.count + most <= LogLineWriter.lineLimit else {
                line += " …".utf8
                break
            }
            append(field, to: &line)
        }
        return line
    }

    private func append(_ field: LogRecord.Field, to line: inout [UInt8]) {
        line.append(UInt8(ascii: " "))
        append(field.key, to: &line)
        line.append(UInt8(ascii: "="))
        let isPlain = field.text.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=")
        }
        if isPlain && !field.text.isEmpty {
            line += field.text.utf8
        } else {
            line.appendJSONString(field.text)
        }
    }

    /// Appends text to read: as it is, unless it has control characters, which become escapes.
    private func append(_ text: String, to line: inout [UInt8]) {
        guard text.utf8.contains(where: { $0 < 0x20 }) else {
            line += text.utf8
            return
        }
        var quoted: [UInt8] = []
        quoted.appendJSONString(text)
        line += quoted.dropFirst().dropLast()
    }

    /// The SGR parameters of ECMA-48 for a level.
    private static func colour(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }
}

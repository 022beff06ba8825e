internal import Foundation
package import Logging

/// How a record becomes one line.
package protocol LogLineFormat: Sendable {
    /// The record without a line feed, in less than ``LogLineWriter/lineLimit`` bytes.
    func line(for record: LogRecord) -> [UInt8]
}

extension LogLineFormat {
    /// The line, with its line feed, that stands where `count` others were lost.
    ///
    /// - Parameter time: in milliseconds since the Unix epoch.
    package func lossNotice(_ count: UInt64, label: String, time: Int64) -> [UInt8] {
        let event = LogEvent(
            level: .warning,
            message: "log lines were lost: their reader is too slow",
            metadata: ["lines": .stringConvertible(count)],
            source: nil,
            file: #fileID,
            function: #function,
            line: #line
        )
        let record = LogRecord(event, label: label, base: [:], provider: nil, time: time)
        return line(for: record) + [UInt8(ascii: "\n")]
    }
}

/// A swift-log handler that writes one line per record.
package struct LineLogHandler<Format: LogLineFormat>: LogHandler {
    /// The threshold of the whole log, or the level of this logger where that is quieter.
    package var logLevel: Logger.Level {
        get { own.map { max($0, threshold.level) } ?? threshold.level }
        set { own = newValue }
    }
    package var metadata = Logger.Metadata()
    package var metadataProvider: Logger.MetadataProvider?

    private var own: Logger.Level?
    private let threshold: LogThreshold
    private let label: String
    private let format: Format
    private let writer: LogLineWriter
    private let clock: @Sendable () -> Int64

    /// - Parameter clock: the wall clock, in milliseconds since the Unix epoch.
    package init(
        label: String,
        format: Format,
        writer: LogLineWriter,
        threshold: LogThreshold = LogThreshold(.info),
        metadataProvider: Logger.MetadataProvider? = nil,
        clock: @escaping @Sendable () -> Int64 = Self.wallClock
    ) {
        self.label = label
        self.format = format
        self.writer = writer
        self.metadataProvider = metadataProvider
        self.clock = clock
        self.threshold = threshold
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let record = LogRecord(
            event,
            label: label,
            base: metadata,
            provider: metadataProvider,
            time: clock()
        )
        var line = format.line(for: record)
        line.append(UInt8(ascii: "\n"))
        writer.write(line)
    }

    /// The system's wall clock, in milliseconds since the Unix epoch.
    @Sendable package static func wallClock() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1_000)
    }
}

extension LogRecord {
    /// The time as ISO 8601 in UTC with milliseconds, such as `2026-11-20T10:00:00.123Z`.
    var timestamp: String {
        let milliseconds = ((time % 1_000) + 1_000) % 1_000
        let seconds = UnixTime(seconds: (time - milliseconds) / 1_000)
        let digits = String(milliseconds)
        let fraction = String(repeating: "0", count: 3 - digits.utf8.count) + digits
        return seconds.description.dropLast() + "." + fraction + "Z"
    }
}

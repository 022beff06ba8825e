internal import Glibc
internal import IndexService
internal import Logging
internal import Synchronization

/// Sets up logging for the whole process, once.
enum LogSetup {
    private static let label = "svc-index"
    private static let started = Mutex<LogLineWriter?>(nil)
    /// The level of the whole log, which a reload may change.
    static let threshold = LogThreshold(.info)

    /// The log's writer, once there is a log.
    static var writer: LogLineWriter? { started.withLock { $0 } }

    static func start(_ settings: Settings.Log) -> Logger {
        let isTerminal = StandardStreams.errorIsTerminal
        let usesText = settings.format == .text || (settings.format == .auto && isTerminal)
        threshold.level = Logger.Level(settings.level)
        if usesText {
            let hasColour = TextLogFormat.wantsColour(
                environment: ProcessEnvironment.variables(),
                isTerminal: isTerminal
            )
            bootstrap(TextLogFormat(hasColour: hasColour))
        } else {
            bootstrap(JSONLogFormat())
        }
        return Logger(label: label)
    }

    private static func bootstrap<Format: LogLineFormat>(_ format: Format) {
        let writer = LogLineWriter.standardError { count in
            let now = LineLogHandler<Format>.wallClock()
            return format.lossNotice(count, label: label, time: now)
        }
        started.withLock { $0 = writer }
        // Whichever way the process ends, what waits to be written still is, if somebody reads it.
        atexit { LogSetup.writer?.flush() }
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: format, writer: writer, threshold: threshold)
        }
    }
}

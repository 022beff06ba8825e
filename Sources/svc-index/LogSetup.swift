internal import Glibc
internal import IndexService
internal import Logging
internal import Synchronization

/// Sets up logging for the whole process, once.
enum LogSetup {
    private static let label = "svc-index"
    private static let started = Mutex<LogLineWriter?>(nil)

    /// The log's writer, once there is a log.
    static var writer: LogLineWriter? { started.withLock { $0 } }

    static func start(_ settings: Settings.Log) -> Logger {
        let isTerminal = StandardStreams.errorIsTerminal
        let usesText = settings.format == .text || (settings.format == .auto && isTerminal)
        let level = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        if usesText {
            let hasColour = TextLogFormat.wantsColour(
                environment: ProcessEnvironment.variables(),
                isTerminal: isTerminal
            )
            bootstrap(TextLogFormat(hasColour: hasColour), level)
        } else {
            bootstrap(JSONLogFormat(), level)
        }
        return Logger(label: label)
    }

    private static func bootstrap<Format: LogLineFormat>(_ format: Format, _ level: Logger.Level) {
        let writer = LogLineWriter.standardError { count in
            let now = LineLogHandler<Format>.wallClock()
            return format.lossNotice(count, label: label, time: now)
        }
        started.withLock { $0 = writer }
        // Whichever way the process ends, what waits to be written still is, if somebody reads it.
        atexit { LogSetup.writer?.flush() }
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: format, writer: writer, level: level)
        }
    }
}

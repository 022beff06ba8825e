internal import Glibc
internal import IndexService
internal import Logging

/// Sets up logging for the whole process, once.
enum LogSetup {
    static func start(_ settings: Settings.Log) -> Logger {
        let isTerminal = StandardStreams.errorIsTerminal
        let usesText = settings.format == .text || (settings.format == .auto && isTerminal)
        let level = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        let writer = LogLineWriter.standardError
        LoggingSystem.bootstrap { label in
            if usesText {
                let format = TextLogFormat(
                    hasColour: TextLogFormat.wantsColour(
                        environment: ProcessEnvironment.variables(),
                        isTerminal: isTerminal
                    )
                )
                return TextLogHandler(label: label, format: format, writer: writer, level: level)
            }
            return JSONLogHandler(
                label: label,
                format: JSONLogFormat(),
                writer: writer,
                level: level
            )
        }
        return Logger(label: "svc-index")
    }
}

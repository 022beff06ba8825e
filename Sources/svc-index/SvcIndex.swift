internal import ArgumentParser
internal import IndexService

/// The command line, `svc-index <command>`.
///
/// With no arguments it prints its help.
@main
struct SvcIndex: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "svc-index",
        abstract: "Resolves names and BLAKE3 content ids to manifests and ranked providers.",
        discussion: """
            Try it:
              svc-index demo
              curl localhost:5304/resolve/libc6

            Exit codes: 0 done, 1 failed, 64 usage, 69 service unavailable, 78 bad configuration.
            """,
        version: BuildInformation.current.version,
        subcommands: [
            ServeCommand.self, DemoCommand.self, ConfigCommand.self, ImportCommand.self,
            ExportCommand.self, ResolveCommand.self, ProvidersCommand.self, HashCommand.self,
            LookupCommand.self, AnnounceCommand.self, KeygenCommand.self, PublishCommand.self,
            TestnetCommand.self, VersionCommand.self,
        ]
    )

    /// Errors end here, as one sentence on standard error and an exit code; never as a backtrace.
    static func main() async {
        StandardStreams.ignoreBrokenPipes()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            fail(failure.message, ExitCode(failure.code.rawValue))
        } catch {
            let (message, code) = (Self.message(for: error), Self.exitCode(for: error))
            // Requests for help end well, and a bare exit code was explained before it was thrown.
            if code.isSuccess || message.isEmpty { Self.exit(withError: error) }
            fail(code == .validationFailure ? usageSentence(message) : message, code)
        }
    }

    private static func fail(_ message: String, _ code: ExitCode) -> Never {
        StandardStreams.complain(message)
        Self.exit(withError: code)
    }

    /// What is wrong with the command line, as the sentence of any other error.
    private static func usageSentence(_ message: String) -> String {
        let line = message.split(separator: "\n").joined(separator: " ")
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        let named = CommandLine.arguments.dropFirst().first { names.contains($0) }
        let command = ["svc-index", named, "--help"].compactMap { $0 }.joined(separator: " ")
        return line.prefix(1).lowercased() + line.dropFirst() + "; see '\(command)'"
    }
}

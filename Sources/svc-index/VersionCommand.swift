internal import ArgumentParser
internal import IndexService

/// Prints what this program is.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the version, the commit and the Swift version.",
        discussion: "Example: svc-index version --json"
    )

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let build = BuildInformation.current
        guard json else {
            try StandardStreams.write(
                line: "svc-index \(build.version) (commit \(build.commit), Swift \(build.swift))"
            )
            return
        }
        var writer = JSONWriter()
        writer.beginObject()
        build.write(to: &writer)
        writer.endObject()
        try StandardStreams.write(writer.bytes + [UInt8(ascii: "\n")])
    }
}

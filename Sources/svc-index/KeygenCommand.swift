internal import ArgumentParser
internal import DHTClient
internal import IndexService

/// Makes a key, and with it a name that nobody else can publish.
struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes a key to publish names with, and prints the name that it is.",
        discussion: """
            Example: svc-index keygen --out blog.key
            The file holds the secret, 64 hex digits, and is readable by its owner only: whoever
            has it can publish under the name, and without it nobody can. An existing file is
            never written over.
            """
    )

    @Option(help: ArgumentHelp("The file for the secret.", valueName: "file"))
    var out = "svc-index.key"

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let name = KeyName(try KeyFile.create(out).publicKey)
        guard json else {
            try StandardStreams.write(line: name.description)
            StandardStreams.note("the secret is in \(out)\n")
            return
        }
        var json = JSONWriter()
        json.beginObject()
        json.field("name", name.description)
        json.field("key_file", out)
        json.endObject()
        try StandardStreams.write(json.bytes + [UInt8(ascii: "\n")])
    }
}

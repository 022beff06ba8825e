internal import CBuildInfo

/// What this program is: shown by `svc-index version` and `GET /version`.
package struct BuildInformation: Sendable {
    package let version: String
    package let commit: String
    package let swift: String

    package static let current = BuildInformation(
        version: "0.1.0",
        commit: String(cString: svc_index_build_commit()),
        swift: compiler
    )

    package func write(to json: inout JSONWriter) {
        json.field("name", "svc-index")
        json.field("version", version)
        json.field("commit", commit)
        json.field("swift", swift)
    }

    private static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}

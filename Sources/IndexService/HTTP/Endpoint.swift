/// What a request line asks for: every route of the service, in one place.
enum Endpoint: Equatable {
    case resolve(key: String)
    case providers(contentID: String)
    case manifest(contentID: String)
    case adminName(String)
    case adminNames
    case adminManifest(contentID: String)
    case adminProviders(contentID: String)
    case adminKeys(KeyAction)
    case adminImport
    case health
    case readiness
    case version
    case metrics

    /// What an administrator may ask for a list of keys.
    enum KeyAction: String, CaseIterable {
        case reindex
        case pin
        case unpin
        case purge
    }

    /// The endpoint of a path, whose segments are still percent-encoded; nil for an unknown one.
    init?(path: Substring) {
        if let key = path.segment(behind: "/resolve/") {
            self = .resolve(key: key)
        } else if let id = path.segment(behind: "/providers/") {
            self = .providers(contentID: id)
        } else if let id = path.segment(behind: "/manifests/") {
            self = .manifest(contentID: id)
        } else if path.begins(withBytesOf: "/admin/") {
            // Up to one more than any path has: the rest of a long one is not looked at.
            self.init(
                adminSegments: path.split(
                    separator: "/",
                    maxSplits: 4,
                    omittingEmptySubsequences: false
                )
            )
        } else {
            self.init(operatorPath: path)
        }
    }

    private init?(operatorPath path: Substring) {
        switch path {
        case "/healthz": self = .health
        case "/readyz": self = .readiness
        case "/version": self = .version
        case "/metrics": self = .metrics
        default: return nil
        }
    }

    /// - Parameter segments: those of `/admin/…`: nothing, `admin`, and what is behind it.
    private init?(adminSegments segments: [Substring]) {
        guard (3...4).contains(segments.count) else { return nil }
        let key = segments.count == 4 ? String(segments[3]) : nil
        switch (segments[2], key) {
        case ("names", nil): self = .adminNames
        case ("names", let key?): self = .adminName(key)
        case ("manifests", let key?): self = .adminManifest(contentID: key)
        case ("providers", let key?): self = .adminProviders(contentID: key)
        case ("import", nil): self = .adminImport
        case (let action, nil):
            guard let action = KeyAction(rawValue: String(action)) else { return nil }
            self = .adminKeys(action)
        default: return nil
        }
    }

    /// The label of the route in logs and metrics.
    var route: Route {
        switch self {
        case .resolve: .resolve
        case .providers: .providers
        case .manifest: .manifests
        case .adminName, .adminNames, .adminManifest, .adminProviders, .adminKeys, .adminImport:
            .admin
        case .health, .readiness, .version, .metrics: .ops
        }
    }

    /// The route whose gate a request passes on its way to the store; nil where it needs none.
    ///
    /// Questions pass theirs after they have joined what is under way (`Misses`).
    var gatedRoute: GatedRoute? {
        switch self {
        case .manifest: .manifests
        case .adminName, .adminNames, .adminManifest, .adminProviders, .adminImport,
            .adminKeys(.pin), .adminKeys(.unpin):
            .admin
        case .adminKeys(.reindex), .adminKeys(.purge), .resolve, .providers, .health, .readiness,
            .version, .metrics:
            nil
        }
    }

    /// The methods that the path takes, as `Allow` lists them.
    var methods: [String] {
        switch self {
        case .resolve, .providers, .manifest, .adminNames, .health, .readiness, .version, .metrics:
            ["GET", "HEAD"]
        case .adminName, .adminProviders: ["PUT", "DELETE"]
        case .adminManifest: ["PUT"]
        case .adminKeys, .adminImport: ["POST"]
        }
    }

    /// Whether the request's body is read; elsewhere it is counted against the cap and dropped.
    var takesBody: Bool {
        switch self {
        case .adminName, .adminManifest, .adminProviders, .adminKeys, .adminImport: true
        default: false
        }
    }
}

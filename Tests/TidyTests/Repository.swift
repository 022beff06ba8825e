import Foundation

/// The files of this package, each read once; what `.gitignore` names is left out.
struct Repository: Sendable {
    /// Text files, in the order of their paths.
    let files: [SourceFile]
    /// Every file, text or not, and its size in bytes.
    let sizes: [String: Int]
    /// Every file and every folder.
    let paths: Set<String>

    /// The package this test target belongs to.
    static let shared = Repository(root: packageRoot)

    /// What the rules of style apply to: everything but fixtures.
    var styled: [SourceFile] { files.filter { !$0.isFixture } }

    func file(_ path: String) -> SourceFile? { files.first { $0.path == path } }

    /// `Tests/TidyTests/Repository.swift` without its last three parts.
    private static var packageRoot: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }
}

extension Repository {
    init(root: URL) {
        let ignored = (try? String(contentsOf: root.appending(path: ".gitignore"), encoding: .utf8))
        let patterns = IgnorePatterns(ignored ?? "")
        var (files, sizes, paths) = ([SourceFile](), [String: Int](), Set<String>())
        var folders = [""]
        while let folder = folders.popLast() {
            for (name, isFolder) in Self.entries(of: root.appending(path: folder)) {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                if name == ".git" || patterns.match(path, isFolder: isFolder) { continue }
                paths.insert(path)
                if isFolder {
                    folders.append(path)
                } else if let data = try? Data(contentsOf: root.appending(path: path)) {
                    sizes[path] = data.count
                    let bytes = [UInt8](data)
                    if Self.isText(bytes) { files.append(SourceFile(path: path, bytes: bytes)) }
                }
            }
        }
        self.files = files.sorted { $0.path < $1.path }
        (self.sizes, self.paths) = (sizes, paths)
    }

    /// The names in a folder; symbolic links are left out, so that nothing is read twice.
    private static func entries(of folder: URL) -> [(name: String, isFolder: Bool)] {
        let keys: Set<URLResourceKey> = [.isDirectoryKey, .isSymbolicLinkKey]
        let urls = try? FileManager.default.contentsOfDirectory(
            at: folder,
            includingPropertiesForKeys: Array(keys)
        )
        return (urls ?? []).compactMap { url in
            guard let values = try? url.resourceValues(forKeys: keys) else { return nil }
            if values.isSymbolicLink == true { return nil }
            return (url.lastPathComponent, values.isDirectory == true)
        }
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        memchr(bytes, 0, bytes.count) == nil && String(validating: bytes, as: UTF8.self) != nil
    }
}

/// The part of `.gitignore` that is in use here: names and paths with `*`, no exceptions (`!`).
struct IgnorePatterns {
    private struct Pattern {
        let glob: String
        let matchesPath: Bool
        let foldersOnly: Bool
    }

    private let patterns: [Pattern]

    init(_ text: String) {
        patterns = text.split(separator: "\n").compactMap { line in
            var glob = line.trimmingCharacters(in: .whitespaces)
            if glob.isEmpty || glob.hasPrefix("#") || glob.hasPrefix("!") { return nil }
            let foldersOnly = glob.hasSuffix("/")
            if foldersOnly { glob.removeLast() }
            let matchesPath = glob.contains("/")
            if glob.hasPrefix("/") { glob.removeFirst() }
            return Pattern(glob: glob, matchesPath: matchesPath, foldersOnly: foldersOnly)
        }
    }

    func match(_ path: String, isFolder: Bool) -> Bool {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return patterns.contains { pattern in
            (isFolder || !pattern.foldersOnly)
                && fnmatch(pattern.glob, pattern.matchesPath ? path : name, FNM_PATHNAME) == 0
        }
    }
}

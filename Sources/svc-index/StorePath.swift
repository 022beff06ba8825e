internal import IndexService

/// The directory of a store, as commands that work on one take it.
enum StorePath {
    /// What a command says when the store at `path` fails it.
    static func failure(_ error: StoreError, at path: String) -> Failure {
        Failure(error == .missing ? .failed : .unavailable, error.operatorMessage(path: path))
    }
}

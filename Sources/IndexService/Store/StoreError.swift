internal import GRDB

/// What can be wrong with the index store; closed, so that every door maps each case.
package enum StoreError: Error, Equatable {
    /// Another process holds the store.
    case inUse(processID: Int32?)
    /// The directory or a file in it cannot be opened or written.
    case unwritable(String)
    /// Reading failed: a file cannot be opened, or its disk gives errors.
    case unreadable(String)
    /// The disk has no room left.
    case diskFull
    /// SQLite found the file damaged.
    case corrupt(String)
    /// There is no store, and none is to be made.
    case missing
    /// The file is the database of another program.
    case foreign
    /// The file was written by a newer version of this program.
    case newerSchema
    /// A manifest's bytes are not those of its content id.
    case integrity(ContentID)
    /// The content id has as many providers as the configuration allows.
    case tooManyProviders(limit: Int)
    /// As many keys are pinned as can be.
    case tooManyPins(limit: Int)
    /// The disk did not answer in time.
    case late
    /// Too many wait for the disk, which works.
    case crowded
    /// The store is closed, busy for too long, or failed in another way.
    case unavailable(String)

    /// Sorts an error of the database layer by what the operator can do about it.
    init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        if error is RowDecodingError {
            // The schema forbids what was read, so that the file is not what was written.
            self = .corrupt("a stored record is malformed")
            return
        }
        guard let error = error as? DatabaseError else {
            self = .unavailable("\(error)")
            return
        }
        let message = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_IOERR, .SQLITE_AUTH:
            self = .unwritable(message)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(message)
        default: self = .unavailable(message)
        }
    }

    /// The same as it is told of a read, which found no fault with writing.
    var ofRead: StoreError {
        if case .unwritable(let reason) = self { .unreadable(reason) } else { self }
    }

    /// Whether the store as a whole is unfit for its purpose, as opposed to one request having
    /// failed.
    package var isStoreFailure: Bool {
        switch self {
        case .integrity, .tooManyProviders, .tooManyPins, .crowded: false
        default: true
        }
    }

    /// One sentence for callers: no paths, no internals.
    package var publicDetail: String {
        switch self {
        case .inUse: "the index store is held by another process"
        case .unwritable: "the index store cannot be written at the moment"
        case .unreadable: "the index store cannot be read at the moment"
        case .diskFull: "the index store's disk is full"
        case .corrupt: "the index store is damaged"
        case .missing: "there is no index store"
        case .foreign: "the index store's file is not one of this service"
        case .newerSchema: "the index store was written by a newer version"
        case .integrity: "a stored manifest does not match its content id"
        case .tooManyProviders(let limit):
            "the content id has \(limit) providers already; remove one first"
        case .tooManyPins(let limit):
            "at most \(limit) keys can be pinned; unpin some first"
        case .late: "the index store did not answer in time"
        case .crowded: "too many requests wait for the index store; try again later"
        case .unavailable: "the index store is not available at the moment"
        }
    }

    /// One sentence for the operator: what is wrong with the store at `path` and what to do.
    package func operatorMessage(path: String) -> String {
        switch self {
        case .inUse(let processID):
            "the store \(path) is in use by "
                + (processID.map { "process \($0)" } ?? "another process")
                + "; stop it, or go through it with --url"
        case .unwritable(let reason):
            "the store \(path) cannot be written (\(reason)); check the directory's owner, "
                + "permissions and mount"
        case .unreadable(let reason):
            "the store \(path) cannot be read (\(reason)); check its disk, and the directory's "
                + "owner and permissions"
        case .diskFull:
            "the disk of the store \(path) is full; free some room, nothing acknowledged was lost"
        case .corrupt(let reason):
            "the store \(path) is damaged (\(reason)); move it away and import again, "
                + "or restore a copy"
        case .missing:
            "there is no store at \(path); check --db-path, or make one with 'svc-index import'"
        case .foreign:
            "the file index.sqlite in \(path) was made by another program and is left alone; "
                + "give another directory with --db-path"
        case .newerSchema:
            "the store \(path) was written by a newer version of svc-index; upgrade this one"
        case .integrity(let id):
            "the manifest \(id) in the store \(path) does not match its content id; "
                + "import it again to mend it"
        case .tooManyProviders(let limit):
            "a content id has \(limit) providers already; raise index.max_providers_per_cid "
                + "or remove one"
        case .tooManyPins(let limit): "at most \(limit) keys can be pinned; unpin some first"
        case .late: "the disk of the store \(path) did not answer in time; look after it"
        case .crowded: "too many wait for the store \(path); try again"
        case .unavailable(let reason):
            "the store \(path) is not available (\(reason)); try again"
        }
    }
}

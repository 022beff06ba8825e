internal import GRDB

/// What can be wrong with the spill's files.
enum SpillError: Error {
    /// The files are no good, and are made anew.
    case damaged(String)
    /// The disk or the directory does not do what it should; tried again later.
    case unavailable(String)

    /// Sorts an error of the database layer by whether a new file would help.
    init(_ error: any Error) {
        if let error = error as? SpillError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .damaged("\(error)")
            return
        }
        let message = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.extendedResultCode {
        case .SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ, .SQLITE_IOERR_CORRUPTFS:
            self = .damaged(message)
            return
        default: break
        }
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH,
            .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_IOERR, .SQLITE_INTERRUPT,
            .SQLITE_MISUSE:
            self = .unavailable(message)
        default: self = .damaged(message)
        }
    }

    var message: String {
        switch self {
        case .damaged(let reason): "the spill was damaged (\(reason)) and is made anew"
        case .unavailable(let reason):
            "the spill is not available (\(reason)); check its directory and the room on its disk"
        }
    }
}

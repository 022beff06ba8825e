/// Why a command ends without having done its work: one sentence, and the exit code.
struct Failure: Error {
    /// Exit codes (sysexits.h, as far as they fit).
    enum Code: Int32 {
        case failed = 1
        case usage = 64
        case unavailable = 69
        case configuration = 78
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// One connection of a worker and the batch it has in flight.
struct Connection {
    enum State { case closed, connecting, open }
    struct Sent {
        let intended: UInt64
        let route: Route
    }

    var state = State.closed
    var descriptor: Int32 = -1
    var reader = ResponseReader()
    /// The batch in flight, in the order of sending; the first `answered` of it are done.
    var batch: [Sent] = []
    var answered = 0
    var sentAt: UInt64 = 0
    /// What the socket did not take yet.
    var unsentBytes: [UInt8] = []
    /// How long the last refusal made it pause, in nanoseconds.
    var pause: UInt64 = 0
    /// When it thinks no longer: a wake before that is one from before it began anew.
    var pausesUntil: UInt64 = 0
    /// Whether an answer of the batch in flight was a refusal.
    var refused = false
    /// Whether it has ever been open: the run begins when all have been, or have failed.
    var settled = false

    var outstanding: Int { batch.count - answered }

    /// Whether it may be given a batch now.
    func isIdle(at now: UInt64) -> Bool {
        state == .open && outstanding == 0 && now >= pausesUntil
    }
}

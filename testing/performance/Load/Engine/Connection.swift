/// One connection of a worker and the batch it has in flight.
struct Connection {
    enum State { case closed, connecting, open }
    struct Sent {
        let intended: UInt64
        let route: Route
        /// Where the bytes of the request end in those of its batch.
        var end = 0
    }

    var state = State.closed
    var descriptor: Int32 = -1
    var reader = ResponseReader()
    /// The batch in flight, in the order of sending; the first `answered` of it are done.
    var batch: [Sent] = []
    var answered = 0
    var sentAt: UInt64 = 0
    /// The requests of the batch, one after the other, and how many of these bytes are sent.
    var requests: [UInt8] = []
    var sentBytes = 0
    /// So many of the bytes may go now: all of them, or up to the end of one that is sent again.
    var mayBeSent = 0
    /// Whether the loop watches for room in the socket.
    var waitsForRoom = false
    /// So many of the batch, from its first on, had their second and last chance.
    var resent = 0
    /// How long the last refusal made it pause, in nanoseconds.
    var pause: UInt64 = 0
    /// When it thinks no longer: a wake before that is one from before it began anew.
    var pausesUntil: UInt64 = 0
    /// Whether an answer of the batch in flight was a refusal.
    var refused = false
    /// Whether it has ever been open: the run begins when all have been, or have failed.
    var settled = false

    var outstanding: Int { batch.count - answered }

    /// Whether what is in flight may be sent once more on a new connection (RFC 9112, 9.3.1).
    ///
    /// All that is ever sent is GET. Nothing of an answer may have come, and once is enough.
    var mayResend: Bool { outstanding > 0 && reader.isBetweenResponses && resent <= answered }

    /// Takes a batch that was never sent, whose bytes are in `requests`.
    mutating func begin(_ batch: [Sent], at now: UInt64) {
        self.batch = batch
        (answered, resent, refused) = (0, 0, false)
        (sentBytes, mayBeSent, sentAt) = (0, requests.count, now)
    }

    /// The first request without an answer, and it alone: the next waits for its answer.
    ///
    /// A connection that is new is not pipelined to: one of these may be what closed the last.
    mutating func resendFirst() {
        resent = answered + 1
        sentBytes = answered > 0 ? batch[answered - 1].end : 0
        mayBeSent = batch[answered].end
    }

    /// Whether it may be given a batch now.
    func isIdle(at now: UInt64) -> Bool {
        state == .open && outstanding == 0 && now >= pausesUntil
    }
}

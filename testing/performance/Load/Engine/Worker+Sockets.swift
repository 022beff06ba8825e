import CEpoll
import Glibc
import Synchronization

/// Opening, sending, reading: what the loop does with its sockets.
extension Worker {
    private static let reconnectPause: UInt64 = 100_000_000
    private static let shortestPause: UInt64 = 10_000_000
    private static let longestPause: UInt64 = 1_000_000_000

    mutating func open(_ index: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        connections[index].descriptor = descriptor
        connections[index].reader.reset()
        connections[index].waitsForRoom = false
        guard descriptor >= 0 else { return connectFailed(index) }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
        var target = address
        let result = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 || errno == EINPROGRESS else { return connectFailed(index) }
        connections[index].state = .connecting
        watch(index, EPOLL_CTL_ADD, UInt32(LOAD_WRITABLE))
    }

    mutating func close(_ index: Int) {
        if connections[index].descriptor >= 0 { Glibc.close(connections[index].descriptor) }
        connections[index].descriptor = -1
        connections[index].state = .closed
    }

    private func watch(_ index: Int, _ operation: Int32, _ events: UInt32) {
        _ = load_watch(epoll, operation, connections[index].descriptor, events, UInt32(index))
    }

    private mutating func connectFailed(_ index: Int) {
        countLost(index)
        forget(index)
        close(index)
        connections[index].settled = true
        if began > 0 { tally.connectErrors += 1 }
        wakes.add(index, at: monotonicNow() + Self.reconnectPause)
    }

    /// Begins anew; what was in flight is lost.
    mutating func reopen(_ index: Int, at now: UInt64) {
        forget(index)
        close(index)
        open(index)
    }

    private mutating func forget(_ index: Int) {
        connections[index].batch.removeAll(keepingCapacity: true)
        connections[index].answered = 0
        connections[index].pausesUntil = 0
    }

    private mutating func becameWritable(_ index: Int, at now: UInt64) {
        guard connections[index].state == .connecting else { return send(index, at: now) }
        var (error, length) = (Int32(0), socklen_t(4))
        getsockopt(connections[index].descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        guard error == 0 else { return connectFailed(index) }
        connections[index].state = .open
        connections[index].settled = true
        watch(index, EPOLL_CTL_MOD, UInt32(LOAD_READABLE))
        if connections[index].outstanding > 0 { resend(index, at: now) } else { free.add(index) }
    }

    /// Sends what the connection before has not answered.
    private mutating func resend(_ index: Int, at now: UInt64) {
        connections[index].resendFirst()
        if connections[index].sentAt >= measured { tally.resent += 1 }
        send(index, at: now)
    }

    /// Sends what a connection's batch still has to send, or as much as the socket takes.
    mutating func send(_ index: Int, at now: UInt64) {
        let (descriptor, first) = (connections[index].descriptor, connections[index].sentBytes)
        let left = connections[index].mayBeSent - first
        let sent = connections[index].requests.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress?.advanced(by: first), left, Int32(MSG_NOSIGNAL))
        }
        guard sent >= 0 || errno == EAGAIN else { return broke(index, at: now) }
        connections[index].sentBytes += max(0, sent)
        guard connections[index].waitsForRoom != (sent < left) else { return }
        connections[index].waitsForRoom = sent < left
        let room = sent < left ? LOAD_WRITABLE : 0
        watch(index, EPOLL_CTL_MOD, UInt32(LOAD_READABLE | room))
    }

    /// Waits for events until `limit` at most, and handles them.
    mutating func waitAndRead(limit: UInt64, at now: UInt64) {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 128) { events in
            let wait = Int64(limit - min(limit, now))
            let ready = load_wait(epoll, events.baseAddress, 128, min(wait, 1_000_000_000))
            guard ready > 0 else { return }
            let now = monotonicNow()
            for position in 0..<Int(ready) {
                let index = Int(load_number(&events[position]))
                let what = events[position].events
                if connections[index].state == .connecting
                    || what & UInt32(LOAD_WRITABLE) != 0
                {
                    becameWritable(index, at: now)
                }
                let readable = UInt32(LOAD_READABLE) | UInt32(LOAD_BROKEN)
                if what & readable != 0, connections[index].state == .open {
                    read(index, at: now)
                }
            }
        }
        publish()
    }

    private mutating func read(_ index: Int, at now: UInt64) {
        let count = input.withUnsafeMutableBytes {
            recv(connections[index].descriptor, $0.baseAddress, $0.count, 0)
        }
        if count < 0 {
            if errno != EAGAIN && errno != EINTR { broke(index, at: now) }
            return
        }
        if count == 0 { return closedByServer(index, at: now) }
        tally.bytes += count
        // The array is lent out, so that the loop below may change the worker.
        let bytes = input
        input = []
        defer { input = bytes }
        do {
            try bytes.withUnsafeBytes { whole in
                let part = UnsafeRawBufferPointer(rebasing: whole[0..<count])
                var offset = 0
                while let facts = try connections[index].reader.next(part, &offset) {
                    guard connections[index].outstanding > 0 else {
                        throw ResponseError.malformed
                    }
                    answered(index, facts, at: now)
                    if connections[index].state != .open { return }
                }
            }
        } catch {
            if connections[index].outstanding == 0 { free.remove(index) }
            lose(index, at: now)
        }
    }

    private mutating func answered(_ index: Int, _ facts: ResponseFacts, at now: UInt64) {
        let sent = connections[index].batch[connections[index].answered]
        connections[index].answered += 1
        tally.answersInAll += 1
        if sent.intended >= measured {
            tally.record(
                facts,
                route: sent.route,
                intended: sent.intended,
                sent: connections[index].sentAt,
                at: now
            )
        }
        if facts.status == 429 || facts.status >= 500 {
            connections[index].refused = true
            shared.refusals.wrappingAdd(1, ordering: .relaxed)
        }
        let isDone = connections[index].outstanding == 0
        if facts.closes { return isDone ? reopen(index, at: now) : broke(index, at: now) }
        if isDone { return rest(index, at: now) }
        if connections[index].resent == connections[index].answered { resend(index, at: now) }
    }

    /// A batch is done: think, pause after refusals, or be free at once.
    private mutating func rest(_ index: Int, at now: UInt64) {
        var pause = plan.thinkTime
        if plan.adaptive {
            let last = connections[index].pause
            connections[index].pause =
                connections[index].refused
                ? min(Self.longestPause, max(Self.shortestPause, last * 2)) : last / 2
            pause += connections[index].refused ? connections[index].pause : 0
        }
        if pause == 0 { return free.add(index) }
        connections[index].pausesUntil = now + pause
        wakes.add(index, at: now + pause)
    }

    private mutating func closedByServer(_ index: Int, at now: UInt64) {
        if connections[index].reader.endsWithConnection, connections[index].outstanding == 1 {
            connections[index].reader.reset()
            answered(index, ResponseFacts(status: 200, closes: true), at: now)
            return
        }
        broke(index, at: now)
    }

    /// The connection is of no use any more: what nothing was said of is sent again, once.
    private mutating func broke(_ index: Int, at now: UInt64) {
        if connections[index].outstanding == 0 { free.remove(index) }
        guard connections[index].mayResend else { return lose(index, at: now) }
        close(index)
        open(index)
    }

    /// Begins anew without what was in flight; only that is an error.
    private mutating func lose(_ index: Int, at now: UInt64) {
        countLost(index)
        reopen(index, at: now)
    }

    private mutating func countLost(_ index: Int) {
        guard connections[index].outstanding > 0, connections[index].sentAt >= measured else {
            return
        }
        tally.brokenErrors += connections[index].outstanding
    }
}

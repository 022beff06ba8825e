import Foundation
import Glibc

/// A TCP connection that sends any bytes and reads answers one at a time.
///
/// It blocks, so it belongs on a thread of its own (`onOwnThread`); every read gives up after
/// `patience`, so that a server that hangs fails the test instead of stopping it.
final class RawConnection {
    enum Failure: Error, CustomStringConvertible {
        case system(String, Int32)
        /// Nothing came in time.
        case timedOut(after: String)
        /// The server closed, or reset, the connection where more was due.
        case closed(after: String)
        case reset(after: String)
        case malformed(String)

        var description: String {
            switch self {
            case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
            case .timedOut(let text): "timed out after \(text.debugDescription)"
            case .closed(let text): "closed after \(text.debugDescription)"
            case .reset(let text): "reset after \(text.debugDescription)"
            case .malformed(let reason): reason
            }
        }
    }

    private let descriptor: Int32
    private var unread: [UInt8] = []

    /// - Parameters:
    ///   - source: the last part of the loopback address to come from, `127.0.0.<source>`.
    ///   - receiveBuffer: bytes the kernel may hold for us; nil leaves it to the kernel.
    init(
        port: UInt16,
        source: UInt8 = 1,
        receiveBuffer: Int32? = nil,
        patience seconds: Int = 10
    ) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        set(IPPROTO_TCP, TCP_NODELAY, to: 1)
        if let receiveBuffer { set(SOL_SOCKET, SO_RCVBUF, to: receiveBuffer) }
        if source != 1 { try call("bind", bind, to: Self.address(host: source, port: 0)) }
        try call("connect", connect, to: Self.address(host: 1, port: port))
    }

    deinit { close(descriptor) }

    // MARK: Sending

    /// Sends all of `bytes`.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = push(bytes[sent...], flags())
            guard count > 0 else { throw Failure.system("send", errno) }
            sent += count
        }
    }

    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    func send(_ request: WireRequest) throws {
        try send(request.bytes)
    }

    /// Sends copies of `bytes` until `total` are sent, the server takes no more for `stall`
    /// milliseconds, or the connection breaks; returns how many bytes went out.
    func pour(_ bytes: [UInt8], total: Int, stall: Int32 = 300) -> Int {
        var sent = 0
        while sent < total, waitFor(POLLOUT, milliseconds: stall) {
            let start = sent % bytes.count
            let part = bytes[start...].prefix(total - sent)
            let count = push(part, flags(Int32(MSG_DONTWAIT)))
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    /// Says that nothing more will be sent; answers can still be read.
    func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends the connection with a reset.
    func abort() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    // MARK: Reading

    /// Whether bytes, or the end, arrive within so many milliseconds.
    func hasInput(within milliseconds: Int32) -> Bool {
        !unread.isEmpty || waitFor(POLLIN, milliseconds: milliseconds)
    }

    /// Lets so many milliseconds pass without reading what comes.
    func leaveUnread(forMilliseconds milliseconds: Int32) {
        poll(nil, 0, milliseconds)
    }

    /// The next answer, which is taken off; what follows it stays unread.
    ///
    /// - Parameter method: that of the request: answers to `HEAD` have no body.
    func response(to method: String = "GET") throws -> WireResponse {
        var response = try WireResponse(head: try readHead())
        guard method != "HEAD", response.mayHaveBody else { return response }
        if let length = try response.contentLength {
            response.body = try read(count: length)
        } else if response["Transfer-Encoding"] == "chunked" {
            throw Failure.malformed("chunked where the length was known: \(response.head)")
        } else {
            response.body = try readToEnd()
        }
        return response
    }

    /// Whatever comes until the server closes; a reset is thrown.
    func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { unread = [] }
        return unread
    }

    /// Whether the server closes without another byte.
    func endsSilently() throws -> Bool {
        try readToEnd().isEmpty
    }

    /// Throws unless the server closes without another byte.
    func requireEnd() throws {
        let more = try readToEnd()
        guard more.isEmpty else {
            throw Failure.malformed(
                "more came: \(String(decoding: more.prefix(400), as: UTF8.self))"
            )
        }
    }

    private func readHead() throws -> String {
        var searched = 0
        while true {
            if let end = findHeadEnd(from: max(0, searched - 4)) {
                defer { unread.removeSubrange(..<(end + 4)) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            searched = unread.count
            guard try fill() else { throw Failure.closed(after: shownUnread) }
        }
    }

    /// Where the empty line behind a head begins; by the C library, for debug builds are slow.
    private func findHeadEnd(from start: Int) -> Int? {
        unread.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var index = start
            while index + 4 <= bytes.count {
                let found = memchr(base + index, 0x0d, bytes.count - index - 3)
                guard let found = found.map({ UnsafeRawPointer($0) }) else { return nil }
                index = found - base
                if memcmp(found, "\r\n\r\n", 4) == 0 { return index }
                index += 1
            }
            return nil
        }
    }

    private func read(count: Int) throws -> [UInt8] {
        while unread.count < count {
            guard try fill() else { throw Failure.closed(after: shownUnread) }
        }
        defer { unread.removeSubrange(..<count) }
        return Array(unread[..<count])
    }

    /// Reads once; false at the end of the stream.
    private func fill() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 {
            unread += buffer[..<count]
            return true
        }
        if count == 0 { return false }
        switch errno {
        case EAGAIN: throw Failure.timedOut(after: shownUnread)
        // A signal, say of a debugger.
        case EINTR: return try fill()
        case ECONNRESET, EPIPE: throw Failure.reset(after: shownUnread)
        default: throw Failure.system("recv", errno)
        }
    }

    private var shownUnread: String {
        String(decoding: unread.prefix(400), as: UTF8.self)
    }

    // MARK: The system

    private func push(_ bytes: ArraySlice<UInt8>, _ flags: Int32) -> Int {
        bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
    }

    private func waitFor(_ event: Int32, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    private func flags(_ more: Int32 = 0) -> Int32 {
        Int32(MSG_NOSIGNAL) | more
    }

    private func set(_ level: some BinaryInteger, _ option: Int32, to value: Int32) {
        var value = value
        setsockopt(
            descriptor,
            Int32(level),
            option,
            &value,
            socklen_t(MemoryLayout<Int32>.size)
        )
    }

    private func call(
        _ name: String,
        _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32,
        to address: sockaddr_in
    ) throws {
        let result = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Linux goes on with the same attempt when it is asked again.
        if result != 0, errno == EINTR { return try call(name, function, to: address) }
        guard result == 0 || errno == EISCONN else { throw Failure.system(name, errno) }
    }

    private static func address(host: UInt8, port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (UInt32(0x7f00_0000) | UInt32(host)).bigEndian
        return address
    }
}

/// Runs blocking work on a thread of its own: the cooperative pool belongs to the service.
func onOwnThread<Output: Sendable>(
    _ work: @escaping @Sendable () throws -> Output
) async throws -> Output {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
    }
}

internal import DHTCore
internal import Glibc

/// The file descriptor of a bound, non-blocking UDP socket; NIO owns it and reads from it.
///
/// Sending goes straight to the system: NIO closes a datagram channel at the first `ENETUNREACH` or
/// `EACCES`, and a stranger can make us send to an address that gives one. It also saves the buffer
/// and the boxed address that NIO allocates for each datagram.
struct SocketDescriptor {
    let raw: Int32

    /// Makes and binds a socket; the caller hands it to NIO or closes it.
    static func bind(
        _ endpoint: Endpoint,
        _ settings: SocketSettings
    ) throws(MainlineError) -> SocketDescriptor {
        let domain = endpoint.family == .v4 ? AF_INET : AF_INET6
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let raw = socket(domain, Int32(bitPattern: kind), 0)
        guard raw >= 0 else { throw .bindFailed(endpoint, reason: describe(errno)) }
        let descriptor = SocketDescriptor(raw: raw)
        descriptor.set(SOL_SOCKET, SO_RCVBUF, Int32(clamping: settings.receiveBufferBytes))
        descriptor.set(SOL_SOCKET, SO_SNDBUF, Int32(clamping: settings.sendBufferBytes))
        // Each family has its own socket, so that IPv4 never comes in disguise.
        if domain == AF_INET6 { descriptor.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        let result = endpoint.withSocketAddress { address, count in
            Glibc.bind(raw, address, count)
        }
        guard result == 0 else {
            let code = errno
            descriptor.close()
            if code == EADDRINUSE { throw .addressInUse(endpoint) }
            throw .bindFailed(endpoint, reason: describe(code))
        }
        return descriptor
    }

    /// The address that the system gave; nil when it does not say.
    var localEndpoint: Endpoint? {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes -> Endpoint? in
            guard let base = bytes.baseAddress else { return nil }
            let address = base.assumingMemoryBound(to: sockaddr.self)
            return getsockname(raw, address, &count) == 0 ? Endpoint(address) : nil
        }
    }

    /// The size of the receive buffer that the system granted; bytes.
    var receiveBufferBytes: Int {
        var value: Int32 = 0
        var count = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(raw, SOL_SOCKET, SO_RCVBUF, &value, &count) == 0 else { return 0 }
        return Int(value)
    }

    /// Sends one datagram; nil when the system took it, else why not.
    func send(_ payload: Span<UInt8>, to endpoint: Endpoint) -> SendFailure? {
        let sent = payload.withUnsafeBytes { bytes in
            endpoint.withSocketAddress { address, count in
                sendto(raw, bytes.baseAddress, bytes.count, 0, address, count)
            }
        }
        return sent >= 0 ? nil : SendFailure(errorNumber: errno)
    }

    func close() {
        Glibc.close(raw)
    }

    /// Best effort: a socket without an option works less well, but works.
    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(raw, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

/// Why the system did not take a datagram; counted by case.
package enum SendFailure: Int, Error, Sendable, CaseIterable {
    /// No route, or the interface is gone or down.
    case unreachable
    /// A firewall, or a broadcast address.
    case forbidden
    /// The send buffer is full.
    case bufferFull
    /// Longer than the path takes.
    case tooBig
    /// The socket was closed at that time.
    case noSocket
    case other

    init(errorNumber: Int32) {
        self =
            switch errorNumber {
            case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL: .unreachable
            case EPERM, EACCES: .forbidden
            case EAGAIN, ENOBUFS, ENOMEM: .bufferFull
            case EMSGSIZE: .tooBig
            default: .other
            }
    }
}

/// An error number in the system's words.
func describe(_ errorNumber: Int32) -> String {
    String(cString: strerror(errorNumber))
}

extension Endpoint {
    /// Takes over the system's socket address; nil for anything but IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = raw.loadUnaligned(as: sockaddr_in.self)
            self.init(
                v4: UInt32(bigEndian: v4.sin_addr.s_addr),
                port: UInt16(bigEndian: v4.sin_port)
            )
        case AF_INET6:
            let v6 = raw.loadUnaligned(as: sockaddr_in6.self)
            self.init(v6.sin6_addr, port: UInt16(bigEndian: v6.sin6_port))
        default: return nil
        }
    }

    /// Lends the endpoint as the system's socket address.
    func withSocketAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        func lend<Address>(_ address: Address) -> Result {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    body(pointer, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        if let v4Address {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = v4Address.bigEndian
            return lend(address)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: addressBytes) }
        return lend(address)
    }
}

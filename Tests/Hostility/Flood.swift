internal import Foundation
internal import Glibc
internal import Synchronization

/// Garbage and forgeries to one port of this machine, at a rate, from a thread of its own.
///
/// It comes from four addresses of loopback, or from ever new ones as if it were spoofed.
package final class Flood: Sendable {
    private let count = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let port: UInt16
    private let rate: Int
    private let isSpoofed: Bool
    private let addresses = Atomic<Int>(0)
    /// In seconds.
    private static let mostArrears = 0.05

    /// Begins at once; `rate` is in datagrams a second.
    package init(to port: UInt16, rate: Int, isSpoofed: Bool = false) {
        self.port = port
        self.rate = rate
        self.isSpoofed = isSpoofed
        Thread.detachNewThread { self.send() }
    }

    /// What was sent up to now.
    package var sent: Int { count.load(ordering: .relaxed) }

    /// Addresses that it came from up to now.
    package var sources: Int { addresses.load(ordering: .relaxed) }

    package func stop() { isOver.store(true, ordering: .relaxed) }

    /// Sends what is due, then sleeps for a millisecond.
    private func send() {
        var random = SystemRandomNumberGenerator()
        var forgeries = (0..<1_024).map { index in
            Forgery.make(Forgery.Kind.allCases[index % Forgery.Kind.allCases.count], using: &random)
        }
        var sockets = (0..<4).map { _ in openNext() }
        defer { for socket in sockets { close(socket) } }
        var begun = ContinuousClock.now
        while !isOver.load(ordering: .relaxed) {
            let elapsed = begun.duration(to: .now) / .milliseconds(1)
            let due = Int(elapsed * Double(rate) / 1_000)
            var sent = count.load(ordering: .relaxed)
            // What a machine that stood still did not send would come all at once.
            let arrears = Double(due - sent) / Double(rate)
            guard arrears <= Self.mostArrears else {
                begun += .seconds(arrears)
                continue
            }
            while sent < due {
                let index = sent % forgeries.count
                forgeries[index].guess(using: &random)
                send(forgeries[index].bytes, by: sockets[sent % sockets.count])
                sent += 1
            }
            count.store(sent, ordering: .relaxed)
            if isSpoofed {
                for index in sockets.indices {
                    close(sockets[index])
                    sockets[index] = openNext()
                }
            }
            usleep(1_000)
        }
    }

    /// A socket at the next address, from 127.6.6.1 on.
    private func openNext() -> CInt {
        let number = addresses.add(1, ordering: .relaxed).newValue
        return Self.open(from: 0x7F06_0600 + UInt32(number % 0x80_0000))
    }

    private func send(_ bytes: [UInt8], by socket: CInt) {
        var address = Self.address(0x7F00_0001, port)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                let length = socklen_t(MemoryLayout<sockaddr_in>.size)
                _ = sendto(socket, bytes, bytes.count, 0, pointer, length)
            }
        }
    }

    /// A socket at an address of loopback, so that the flood comes from several hosts.
    private static func open(from host: UInt32) -> CInt {
        let socket = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        var address = address(host, 0)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return socket
    }

    private static func address(_ host: UInt32, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return address
    }
}

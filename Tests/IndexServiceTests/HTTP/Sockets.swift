import DHTClient
import Foundation
import Glibc

@testable import IndexService

/// A node that hears everything and never answers.
final class DeafPeer: Sendable {
    let bootstrap: [BootstrapAddress]
    private let descriptor: Int32

    init() throws {
        let (descriptor, port) = try FreePort.bind(SOCK_DGRAM)
        self.descriptor = descriptor
        bootstrap = try BootstrapAddress.list(["127.0.0.1:\(port)"])
    }

    deinit { close(descriptor) }

    /// Makes it the whole DHT of a service, which waits for it longer than a test.
    func isAllThereIs(for settings: inout Settings) {
        settings.dht.mode = .client
        settings.dht.binds = [ListenAddress(host: "127.0.0.1", port: 0)]
        settings.dht.bootstrap = bootstrap
        settings.dht.deadline = .seconds(30)
        settings.dht.queryTimeout = .seconds(10)
    }
}

/// A port of loopback that nobody listens on at this moment.
enum FreePort {
    static func take() throws -> UInt16 {
        let (descriptor, port) = try bind(SOCK_STREAM)
        close(descriptor)
        return port
    }

    /// Binds a socket to a free port of loopback.
    fileprivate static func bind(_ type: __socket_type) throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var count = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard Glibc.bind(descriptor, address, count) == 0,
                    getsockname(descriptor, address, &count) == 0
                else { return nil }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        guard let port else { throw RawConnection.Failure.malformed("no free port") }
        return (descriptor, port)
    }
}

/// The sockets that this process has open.
enum OpenSockets {
    static func count() -> Int {
        let folder = "/proc/self/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "\(folder)/\(name)"
            )
            return target?.hasPrefix("socket:") ?? false
        }
    }
}

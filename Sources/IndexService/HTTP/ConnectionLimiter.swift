internal import NIOCore
internal import Synchronization

/// Counts open connections, in all and per client address, against their caps.
package final class ConnectionLimiter: Sendable {
    private struct Counts {
        var total = 0
        var byAddress: [ClientAddress: Int] = [:]
    }

    let maximum: Int
    private let maximumPerAddress: Int
    private let counts = Mutex(Counts())

    package init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    /// Takes a place for a connection from `address`; false when a cap is reached.
    ///
    /// Every place that was taken is given back with `release`.
    func admit(_ address: ClientAddress) -> Bool {
        counts.withLock { counts in
            let own = counts.byAddress[address, default: 0]
            guard counts.total < maximum, own < maximumPerAddress else { return false }
            counts.total += 1
            counts.byAddress[address] = own + 1
            return true
        }
    }

    func release(_ address: ClientAddress) {
        counts.withLock { counts in
            counts.total -= 1
            let left = counts.byAddress[address, default: 1] - 1
            counts.byAddress[address] = left > 0 ? left : nil
        }
    }

    /// Connections open now.
    var openConnections: Int {
        counts.withLock { $0.total }
    }
}

extension Channel {
    /// Who is at the other end, as limits count it.
    var client: ClientAddress {
        ClientAddress(remoteAddress?.ipAddress ?? "")
    }
}

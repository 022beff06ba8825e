internal import Foundation
internal import Glibc
package import NIOCore

/// What the connections of one event loop share without a lock: ids, the date, the metrics' stripe.
package final class LoopLocal {
    let stripe: MetricStripe
    private var identifiers: ULIDGenerator
    private var dateSecond: Int = 0
    private var date = ""

    init(index: Int) {
        var random = SystemRandomNumberGenerator()
        identifiers = ULIDGenerator(using: &random)
        stripe = MetricStripe(loop: index)
    }

    /// A fresh ULID.
    func makeCorrelationID() -> String {
        let now = Date().timeIntervalSince1970
        return identifiers.next(atMilliseconds: UInt64(max(0, now * 1000)))
    }

    /// The `Date` header's value, made once a second (RFC 9110, section 5.6.7).
    func httpDate() -> String {
        let now = time(nil)
        if now != dateSecond {
            dateSecond = now
            date = HTTPDate.text(of: now)
        }
        return date
    }
}

@available(*, unavailable)
extension LoopLocal: Sendable {}

/// Finds the `LoopLocal` of a loop.
package struct LoopLocals: Sendable {
    private let byLoop: [ObjectIdentifier: NIOLoopBound<LoopLocal>]

    /// One for each loop of the group, made on its loop.
    package static func make(for group: any EventLoopGroup) async throws -> LoopLocals {
        var byLoop: [ObjectIdentifier: NIOLoopBound<LoopLocal>] = [:]
        for (index, loop) in Array(group.makeIterator()).enumerated() {
            byLoop[ObjectIdentifier(loop)] = try await loop.submit {
                NIOLoopBound(LoopLocal(index: index), eventLoop: loop)
            }.get()
        }
        return LoopLocals(byLoop: byLoop)
    }

    /// Must be called on `loop`.
    func local(of loop: any EventLoop) -> LoopLocal {
        byLoop[ObjectIdentifier(loop)]?.value ?? LoopLocal(index: 0)
    }
}

/// Dates as HTTP writes them, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    static func text(of seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 40)
        let count = strftime(&buffer, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

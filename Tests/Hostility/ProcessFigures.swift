internal import Foundation
internal import Glibc

/// What the system says about this process.
package enum ProcessFigures {
    /// Resident memory in KiB, now.
    package static var residentKiB: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    /// Seconds of processor time, user and system, since the start.
    package static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(micros) / 1_000_000
    }

    /// Datagrams that did not fit the receive buffer of the socket at a port.
    package static func dropsInBuffer(ofPort port: UInt16) -> Int {
        let table = (try? String(contentsOfFile: "/proc/net/udp", encoding: .utf8)) ?? ""
        let digits = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 1, fields[1].hasSuffix(suffix) else { continue }
            return fields.last.flatMap { Int($0) } ?? 0
        }
        return 0
    }
}

internal import Glibc

/// What the kernel says of this process, as Prometheus clients show it (`process_*`).
///
/// Source: proc(5). Whatever cannot be read is nil, and its metric is left out.
struct ProcessStatistics: Sendable, Equatable {
    var cpuSeconds: Double?
    var residentBytes: Double?
    var virtualBytes: Double?
    var openDescriptors: Double?
    var maximumDescriptors: Double?
    /// Since the Unix epoch.
    var startSeconds: Double?

    /// Has the registry read this process before each exposition.
    static func collect(into registry: PrometheusRegistry) {
        let cells = registry.cells
        let readings: [(ScalarSeries, @Sendable (ProcessStatistics) -> Double?)] = [
            (registry.scalar("process_cpu_seconds_total"), \.cpuSeconds),
            (registry.scalar("process_resident_memory_bytes"), \.residentBytes),
            (registry.scalar("process_virtual_memory_bytes"), \.virtualBytes),
            (registry.scalar("process_open_fds"), \.openDescriptors),
            (registry.scalar("process_max_fds"), \.maximumDescriptors),
            (registry.scalar("process_start_time_seconds"), \.startSeconds),
        ]
        registry.onScrape {
            let now = ProcessStatistics.read()
            for (series, reading) in readings { series.set(reading(now) ?? .nan, in: cells) }
        }
    }

    /// Reads this process; takes about 50 us, mostly to count the descriptors.
    static func read() -> ProcessStatistics {
        var statistics = ProcessStatistics()
        if let text = contents(of: "/proc/self/stat") {
            statistics.apply(
                stat: text,
                bootSeconds: bootSeconds,
                ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
                pageBytes: Double(sysconf(Int32(_SC_PAGESIZE)))
            )
        }
        statistics.openDescriptors = openDescriptors()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            statistics.maximumDescriptors =
                limit.rlim_cur == rlim_t.max ? .infinity : Double(limit.rlim_cur)
        }
        return statistics
    }

    /// Takes what `/proc/self/stat` has; the command in parentheses may hold anything.
    mutating func apply(
        stat: String,
        bootSeconds: Double?,
        ticksPerSecond: Double,
        pageBytes: Double
    ) {
        guard let end = stat.utf8.lastIndex(of: UInt8(ascii: ")")) else { return }
        // The first of these is field 3 of proc(5), the state.
        let fields = stat[end...].split(separator: " ").dropFirst().map { Double($0) }
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? fields[number - 3] : nil
        }
        if let user = field(14), let system = field(15) {
            cpuSeconds = (user + system) / ticksPerSecond
        }
        if let start = field(22), let bootSeconds {
            startSeconds = bootSeconds + start / ticksPerSecond
        }
        virtualBytes = field(23)
        residentBytes = field(24).map { $0 * pageBytes }
    }

    /// When the machine was started, from `/proc/stat`; it does not change.
    private static let bootSeconds: Double? = contents(of: "/proc/stat")?
        .split(separator: "\n").first { $0.hasPrefix("btime ") }
        .flatMap { Double($0.dropFirst(6)) }

    /// The entries of `/proc/self/fd` without the two dots and the one used to read it.
    private static func openDescriptors() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = -3
        while readdir(directory) != nil { count += 1 }
        return Double(max(0, count))
    }

    /// The text of a small file, at most 1 MiB of it.
    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

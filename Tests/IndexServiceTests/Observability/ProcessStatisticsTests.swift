import Testing

@testable import IndexService

@Suite struct ProcessStatisticsTests {
    @Test func aCommandWithSpacesAndParenthesesShiftsNoField() {
        var statistics = ProcessStatistics()
        statistics.apply(
            stat: "1 (a) b (c) R 1 1 1 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 3 0 1000 8192 5 184 \n",
            bootSeconds: 1_000_000,
            ticksPerSecond: 100,
            pageBytes: 4_096
        )
        #expect(statistics.cpuSeconds == 3)
        #expect(statistics.startSeconds == 1_000_010)
        #expect(statistics.virtualBytes == 8_192)
        #expect(statistics.residentBytes == 20_480)
    }

    @Test(arguments: ["", "1 (x", ")", "1 (x) R", "1 (x) R a b c d e f g h i j k l m n o p q r"])
    func whatCannotBeReadIsLeftOut(stat: String) {
        var statistics = ProcessStatistics()
        statistics.apply(stat: stat, bootSeconds: nil, ticksPerSecond: 100, pageBytes: 4_096)
        #expect(statistics == ProcessStatistics())
    }

    @Test func thisProcessHasReasonableFigures() throws {
        let exposition = try Exposition(Metrics().exposition())
        func value(_ name: String) throws -> Double { try #require(exposition.value(name)) }
        #expect(try value("process_cpu_seconds_total") >= 0)
        #expect(try value("process_resident_memory_bytes") > 1e6)
        #expect(
            try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes")
        )
        #expect(try value("process_open_fds") >= 1)
        #expect(try value("process_max_fds") > value("process_open_fds"))
        // Some day between 2020 and 2100.
        #expect((1.577e9..<4.103e9).contains(try value("process_start_time_seconds")))
    }
}

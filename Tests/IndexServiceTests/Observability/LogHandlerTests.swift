import Foundation
import Logging
import Synchronization
import Testing

@testable import IndexService

@Suite struct LogHandlerTests {
    @Test func aRecordIsOneJSONObjectOnOneLine() throws {
        let lines = LineCollector()
        var logger = lines.makeJSONLogger()
        logger[metadataKey: "corr_id"] = "01ABC"
        logger.warning("two\nlines", metadata: ["n": .stringConvertible(3), "text": "3"])
        #expect(
            lines.text == #"{"time":"2026-11-20T10:00:00.007Z","level":"warning","#
                + #""label":"svc-index","message":"two\nlines","corr_id":"01ABC","n":3,"text":"3"}"#
                + "\n"
        )
    }

    @Test func aTextRecordIsOneLineToRead() {
        let lines = LineCollector()
        let logger = Logger(label: "svc-index") { label in
            TextLogHandler(
                label: label,
                format: TextLogFormat(),
                writer: lines.writer,
                clock: { 1_795_168_800_123 }
            )
        }
        logger.info("listening", metadata: ["addr": "[::1]:5304", "why": "a \"test\"\n", "no": ""])
        logger.error("bad\u{1B}[31m\u{9B}31m\nline")
        #expect(
            lines.text == """
                2026-11-20T10:00:00.123Z INFO     svc-index: listening addr=[::1]:5304 no="" \
                why="a \\"test\\"\\n"
                2026-11-20T10:00:00.123Z ERROR    svc-index: bad\\u001b[31m\u{FFFD}31m\\nline

                """
        )
    }

    @Test func onlyTheLevelIsColoured() {
        let lines = LineCollector()
        let logger = Logger(label: "l") { label in
            TextLogHandler(
                label: label,
                format: TextLogFormat(hasColour: true),
                writer: lines.writer,
                clock: { 0 }
            )
        }
        logger.error("m")
        #expect(lines.text == "1970-01-01T00:00:00.000Z \u{1B}[31mERROR\u{1B}[0m    l: m\n")
    }

    @Test func colourNeedsATerminalAndNoNO_COLOR() {
        func wants(_ environment: [String: String], terminal: Bool = true) -> Bool {
            TextLogFormat.wantsColour(environment: environment, isTerminal: terminal)
        }
        #expect(wants([:]))
        #expect(wants(["NO_COLOR": "", "TERM": "xterm"]))
        #expect(!wants(["NO_COLOR": "1"]))
        #expect(!wants(["TERM": "dumb"]))
        #expect(!wants([:], terminal: false))
    }

    @Test func everyTextSurvivesTheJSONRoundTrip() throws {
        for seed in 0..<200 {
            var bytes = (0..<(seed % 40)).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ seed &* 101) }
            bytes += [0, 7, 0x1B, 0x22, 0x5C, 0x0A, 0xFF, 0xC3, 0xE2, 0x80, 0xA8]
            let text = String(decoding: bytes, as: UTF8.self)
            let lines = LineCollector()
            lines.makeJSONLogger().info("\(text)", metadata: [text: .string(text)])
            let object = try lines.onlyObject()
            let expected = text.bounded(to: 4_096)
            #expect(object["message"] as? String == expected, "seed \(seed)")
            #expect(object[expected] as? String == expected, "seed \(seed)")
        }
    }

    @Test func nestedMetadataIsFlattened() throws {
        let lines = LineCollector()
        lines.makeJSONLogger().info(
            "m",
            metadata: [
                "peer": ["addr": "a", "ports": ["1", "2"]], "level": "mine",
                "ok": .stringConvertible(true), "nan": .stringConvertible(Double.nan),
                "ratio": .stringConvertible(0.5),
            ]
        )
        let object = try lines.onlyObject()
        #expect(object["peer.addr"] as? String == "a")
        #expect(object["peer.ports.1"] as? String == "2")
        #expect(object["metadata.level"] as? String == "mine")
        #expect(object["level"] as? String == "info")
        #expect(object["ok"] as? Bool == true)
        #expect(object["ratio"] as? Double == 0.5)
        #expect(object["nan"] as? String == "nan")
    }

    @Test func noKeyComesTwice() {
        let record = makeRecord(message: "m", metadata: ["a.b": "1", "a": ["b": "2", "c": "3"]])
        #expect(record.fields.map(\.key) == ["a.b", "a.c"])
    }

    @Test func laterMetadataWins() throws {
        let lines = LineCollector()
        var logger = Logger(label: "l") { label in
            JSONLogHandler(
                label: label,
                format: JSONLogFormat(),
                writer: lines.writer,
                metadataProvider: Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
            )
        }
        for key in ["a", "b", "c"] { logger[metadataKey: key] = "logger" }
        logger.info("m", metadata: ["a": "event"])
        let object = try lines.onlyObject()
        #expect(object["a"] as? String == "event")
        #expect(object["b"] as? String == "provider")
        #expect(object["c"] as? String == "logger")
    }

    @Test func anErrorBecomesMetadata() throws {
        let lines = LineCollector()
        lines.makeJSONLogger().error("m", error: CancellationError())
        let object = try lines.onlyObject()
        #expect(object["error.message"] as? String == "CancellationError()")
        #expect(object["error.type"] as? String == "Swift.CancellationError")
    }

    @Test(arguments: [
        "authorization", "Authorization", "access_token", "auth-token-file", "client.secret",
        "PASSWORD", "Set-Cookie", "api_key", "X-Api-Key", "private_key", "credentials",
    ])
    func secretKeysAreRedacted(key: String) throws {
        let lines = LineCollector()
        let long = String(repeating: "x", count: 500) + key
        lines.makeJSONLogger().info(
            "m",
            metadata: [key: "hunter2", "a": [key: ["x": "hunter2"]], long: "hunter2"]
        )
        #expect(!lines.text.contains("hunter2"))
        #expect(try lines.onlyObject()[key] as? String == "[redacted]")
    }

    @Test func ordinaryKeysAreNot() {
        #expect(
            ["key", "name", "corr_id", "cid", "addr", "path", ""].allSatisfy {
                !SecretKey.matches($0)
            }
        )
    }

    @Test func aLineStaysWithinItsLimit() throws {
        for unit in ["x", "\u{0}", "\u{7F}", "é", "🙂"] {
            let lines = LineCollector()
            let huge = String(repeating: unit, count: 50_000)
            var metadata: Logger.Metadata = [:]
            for number in 0..<100 { metadata["\(number)\(huge)"] = .string(huge) }
            lines.makeJSONLogger().info("\(huge)", metadata: metadata)
            #expect(lines.text.utf8.count <= LogLineWriter.lineLimit)
            #expect(try lines.onlyObject()["truncated"] as? Bool == true)
            let text = TextLogFormat().line(
                for: makeRecord(message: huge, metadata: metadata)
            )
            #expect(text.count < LogLineWriter.lineLimit)
        }
    }

    @Test func metadataDepthIsBounded() throws {
        var value: Logger.MetadataValue = "deep"
        for _ in 0..<50 { value = ["d": value] }
        let record = makeRecord(message: "m", metadata: ["d": value])
        #expect(record.fields == [.init(key: "d.d.d.d", text: "…", isLiteral: false)])
    }

    @Test func lostLinesAreToldInTheFormatOfTheLog() {
        let json = JSONLogFormat().lossNotice(7, label: "l", time: 0)
        #expect(
            String(decoding: json, as: UTF8.self)
                == #"{"time":"1970-01-01T00:00:00.000Z","level":"warning","label":"l","#
                + #""message":"log lines were lost: their reader is too slow","lines":7}"# + "\n"
        )
        let text = TextLogFormat().lossNotice(7, label: "l", time: 0)
        #expect(
            String(decoding: text, as: UTF8.self) == """
                1970-01-01T00:00:00.000Z WARNING  l: log lines were lost: \
                their reader is too slow lines=7

                """
        )
    }

    @Test func timesHaveMilliseconds() {
        #expect(makeRecord(time: 0).timestamp == "1970-01-01T00:00:00.000Z")
        #expect(makeRecord(time: 1_795_168_800_999).timestamp == "2026-11-20T10:00:00.999Z")
        #expect(makeRecord(time: -1).timestamp == "1969-12-31T23:59:59.999Z")
    }

    private func makeRecord(
        message: String = "m",
        metadata: Logger.Metadata = [:],
        time: Int64 = 0
    ) -> LogRecord {
        LogRecord(
            LogEvent(
                level: .info,
                message: "\(message)",
                metadata: metadata,
                source: nil,
                file: "",
                function: "",
                line: 0
            ),
            label: "l",
            base: [:],
            provider: nil,
            time: time
        )
    }
}

/// Keeps what a writer writes.
private final class LineCollector: Sendable {
    private final class Bytes: Sendable {
        let all = Mutex<[UInt8]>([])
    }

    private let bytes: Bytes
    let writer: LogLineWriter

    init() {
        let bytes = Bytes()
        self.bytes = bytes
        writer = LogLineWriter { new in
            bytes.all.withLock { $0 += new }
            return new.count
        }
    }

    /// What was logged so far.
    var text: String {
        #expect(writer.flush(within: .seconds(60)))
        return bytes.all.withLock { String(decoding: $0, as: UTF8.self) }
    }

    func makeJSONLogger() -> Logger {
        Logger(label: "svc-index") { label in
            JSONLogHandler(
                label: label,
                format: JSONLogFormat(),
                writer: writer,
                clock: { 1_795_168_800_007 }
            )
        }
    }

    func onlyObject() throws -> [String: Any] {
        let text = text
        #expect(text.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 1)
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(object as? [String: Any])
    }
}

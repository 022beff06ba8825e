import Glibc
import Synchronization
import Testing

@testable import IndexService

@Suite struct LogLineWriterTests {
    @Test func interruptionsAndPartialWritesLoseNothing() {
        let descriptor = ScriptedDescriptor([-Int(EINTR), 3, -Int(EINTR), 1, .max])
        let writer = descriptor.makeWriter()
        writer.write(Array("hello world\n".utf8))
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.text == "hello world\n")
        #expect(writer.droppedLines == 0)
    }

    @Test(arguments: [EAGAIN, EPIPE, EBADF, ENOSPC])
    func aLineThatCannotBeWrittenIsCountedAndLost(error: Int32) {
        let descriptor = ScriptedDescriptor([-Int(error), .max])
        let writer = descriptor.makeWriter()
        writer.write(Array("lost\n".utf8))
        writer.write(Array("kept\n".utf8))
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.text == "kept\n")
        #expect(writer.droppedLines == 1)
    }

    @Test func theLineAfterATornOneBeginsOnItsOwn() {
        let descriptor = ScriptedDescriptor([2, -Int(EAGAIN), -Int(EAGAIN), .max, .max])
        let writer = descriptor.makeWriter()
        for line in ["torn\n", "lost\n", "kept\n", "next\n"] { writer.write(Array(line.utf8)) }
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.text == "to\nkept\nnext\n")
        #expect(writer.droppedLines == 2)
    }

    @Test func anOverlongLineIsCutAndStillEnds() {
        let descriptor = ScriptedDescriptor([.max])
        let writer = descriptor.makeWriter()
        writer.write([UInt8](repeating: 0x78, count: 100_000))
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.text.utf8.count == LogLineWriter.lineLimit)
        #expect(descriptor.text.hasSuffix("x\n"))
    }

    @Test func linesOfManyTasksNeverMix() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reader, end) = (ends[0], ends[1])
        let reading = Task.detached { readAll(reader) }
        let writer = LogLineWriter(descriptor: end)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let letter = UInt8(ascii: "a") + UInt8(task)
                    // Longer than PIPE_BUF, so the kernel alone would not keep it together.
                    let line = [UInt8](repeating: letter, count: 6_000) + [UInt8(ascii: "\n")]
                    for _ in 0..<50 { writer.write(line) }
                }
            }
        }
        #expect(writer.flush(within: .seconds(60)))
        close(end)
        let lines = await reading.value.split(separator: UInt8(ascii: "\n"))
        #expect(lines.count == 400)
        #expect(lines.allSatisfy { $0.count == 6_000 && Set($0).count == 1 })
        #expect(writer.droppedLines == 0)
    }

    @Test func aReaderThatIsGoneOrFullStopsNobody() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        let writer = LogLineWriter(descriptor: ends[1])
        let line = [UInt8](repeating: 0x78, count: 999) + [UInt8(ascii: "\n")]
        // A pipe holds 64 KiB.
        for _ in 0..<100 { writer.write(line) }
        #expect(writer.flush(within: .seconds(60)))
        let droppedWhenFull = writer.droppedLines
        #expect((30...40).contains(droppedWhenFull))
        close(ends[0])
        writer.write(line)
        #expect(writer.flush(within: .seconds(60)))
        close(ends[1])
        #expect(writer.droppedLines == droppedWhenFull + 1)
    }
}

private func readAll(_ descriptor: Int32) -> [UInt8] {
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        guard count > 0 else { return bytes }
        bytes += chunk[..<count]
    }
}

/// A descriptor that takes what its script says, call by call; it fails when called more often.
private final class ScriptedDescriptor: Sendable {
    private let state: Mutex<(script: ArraySlice<Int>, written: [UInt8])>

    init(_ script: [Int]) {
        state = Mutex((script[...], []))
    }

    var text: String { state.withLock { String(decoding: $0.written, as: UTF8.self) } }

    func makeWriter() -> LogLineWriter {
        LogLineWriter { [self] bytes in
            state.withLock { state in
                guard let answer = state.script.popFirst() else {
                    Issue.record("a write after the script ended")
                    return -Int(EBADF)
                }
                guard answer > 0 else { return answer }
                let count = min(answer, bytes.count)
                state.written += bytes[..<count]
                return count
            }
        }
    }
}

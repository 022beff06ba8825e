import Dispatch
import Glibc
import Synchronization
import Testing

@testable import IndexService

/// What becomes of the log, and of those who write to it, when its reader does not read.
@Suite struct LogLineOverflowTests {
    @Test func aReaderThatNeverReadsHoldsUpNobody() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let writer = LogLineWriter(descriptor: ends[1], limits: .init(bytes: 1 << 20))
        let line = [UInt8](repeating: 0x78, count: 999) + [UInt8(ascii: "\n")]
        // The pipe holds 64 KiB and the queue 1 MiB: this would never end if it waited.
        for _ in 0..<5_000 { writer.write(line) }
        #expect(writer.droppedLines > 3_500)
        let began = ContinuousClock.now
        #expect(!writer.flush(within: .milliseconds(50)))
        #expect(ContinuousClock.now - began < .seconds(20))
        // The writer's thread, which waits in write(2), ends with the last reader.
        signal(SIGPIPE, SIG_IGN)
        close(ends[0])
        #expect(writer.flush(within: .seconds(60)))
        #expect(writer.droppedLines > 4_900)
        close(ends[1])
    }

    @Test func lostLinesAreToldOfWhereTheyAreMissing() {
        let descriptor = GatedDescriptor()
        let writer = descriptor.makeWriter(limits: .init(lines: 4))
        writer.write("1")
        descriptor.waitForCall()
        for number in 2...9 { writer.write("\(number)") }
        #expect(writer.droppedLines == 5)
        descriptor.open()
        #expect(writer.flush(within: .seconds(60)))
        writer.write("10")
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.lines == ["1", "2", "3", "4", "lost 5", "10"])
    }

    @Test func theLastLossIsToldOfThoughNothingFollows() {
        let descriptor = GatedDescriptor()
        let writer = descriptor.makeWriter(limits: .init(lines: 2))
        for number in 1...3 { writer.write("\(number)") }
        descriptor.open()
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.lines == ["1", "2", "lost 1"])
    }

    @Test func bytesAreBoundedAsLinesAre() {
        let descriptor = GatedDescriptor()
        let writer = descriptor.makeWriter(limits: .init(bytes: 10))
        writer.write("1234")
        descriptor.waitForCall()
        for text in ["6789", "x", "y"] { writer.write(text) }
        // "x" would fit again, but a queue that was full takes nothing until it is half empty.
        #expect(writer.droppedLines == 2)
        writer.write(String(repeating: "z", count: 20))
        #expect(writer.droppedLines == 3)
        descriptor.open()
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.lines == ["1234", "6789", "lost 3"])
    }

    @Test func lossesComeInRunsAndAreAddedUp() {
        var queue = LogLineQueue(limits: .init(lines: 4))
        #expect((1...6).map { queue.offer([$0]) } == [true, true, true, true, false, false])
        let entries = queue.takeAll()
        #expect(entries == [.line([1]), .line([2]), .line([3]), .line([4]), .lost(2)])
        queue.finish(entries[0])
        let isTakenWhenThreeAreLeft = queue.offer([7])
        queue.finish(entries[1])
        let isTakenWhenTwoAreLeft = queue.offer([8])
        #expect(!isTakenWhenThreeAreLeft)
        #expect(isTakenWhenTwoAreLeft)
        #expect(queue.takeAll() == [.lost(1), .line([8])])
    }

    @Test func linesThatTheDescriptorRefusedAreToldOf() {
        let descriptor = GatedDescriptor(refusals: 3)
        descriptor.open()
        let writer = descriptor.makeWriter()
        for number in 1...4 { writer.write("\(number)") }
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.lines == ["lost 3", "4"])
        #expect(writer.droppedLines == 3)
    }

    @Test func aFlushEndsWhenAllIsWrittenOrItsTimeIsOver() {
        let descriptor = GatedDescriptor()
        let writer = descriptor.makeWriter()
        #expect(writer.flush(within: .zero))
        writer.write("1")
        #expect(!writer.flush(within: .zero))
        #expect(!writer.flush(within: .milliseconds(10)))
        descriptor.open()
        #expect(writer.flush(within: .seconds(60)))
        #expect(descriptor.lines == ["1"])
    }

    @Test func whatWaitsIsWrittenThoughTheWriterIsGone() {
        let descriptor = GatedDescriptor()
        do {
            let writer = descriptor.makeWriter()
            for number in 1...3 { writer.write("\(number)") }
        }
        descriptor.open()
        descriptor.waitForEnd()
        #expect(descriptor.lines == ["1", "2", "3"])
    }

    @Test func everyLineOfManyThreadsIsWrittenInOrderOrCounted() {
        let descriptor = GatedDescriptor()
        descriptor.open()
        let writer = descriptor.makeWriter(limits: .init(lines: 64))
        let (threads, each) = (8, 1_000)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for number in 0..<each { writer.write("\(thread) \(number)") }
        }
        #expect(writer.flush(within: .seconds(60)))
        var last = [Int](repeating: -1, count: threads)
        var (written, told) = (0, 0)
        for line in descriptor.lines {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = Int(words[1]) else {
                Issue.record("a mixed line: \(line)")
                return
            }
            if words[0] == "lost" {
                told += number
            } else if let thread = Int(words[0]) {
                #expect(number > last[thread])
                last[thread] = number
                written += 1
            }
        }
        #expect(written + told == threads * each)
        #expect(UInt64(told) == writer.droppedLines)
    }
}

private let notice: LogLineWriter.LossNotice = { Array("lost \($0)\n".utf8) }

extension LogLineWriter {
    fileprivate func write(_ text: String) {
        write(Array((text + "\n").utf8))
    }
}

/// A descriptor that takes nothing before it is opened.
private final class GatedDescriptor: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    private let call = DispatchSemaphore(value: 0)
    private let end = DispatchSemaphore(value: 0)
    private let state: Mutex<(refusals: Int, written: [UInt8])>

    /// - Parameter refusals: writes that are refused once it is open.
    init(refusals: Int = 0) {
        state = Mutex((refusals, []))
    }

    /// Everything written.
    var lines: [String] {
        state.withLock { String(decoding: $0.written, as: UTF8.self) }
            .split(separator: "\n").map(String.init)
    }

    func open() { gate.signal() }

    /// Waits until the writer's thread is about to write, and has taken what waited.
    func waitForCall() {
        #expect(call.wait(timeout: .now() + .seconds(60)) == .success)
    }

    /// Waits until the writer and its thread are gone.
    func waitForEnd() {
        #expect(end.wait(timeout: .now() + .seconds(60)) == .success)
    }

    func makeWriter(limits: LogLineWriter.Limits = .init()) -> LogLineWriter {
        let use = Use(end)
        return LogLineWriter(limits: limits, lossNotice: notice) { [self] bytes in
            withExtendedLifetime(use) {}
            call.signal()
            gate.wait()
            gate.signal()
            return state.withLock { state in
                if state.refusals > 0 {
                    state.refusals -= 1
                    return -Int(EAGAIN)
                }
                state.written += bytes
                return bytes.count
            }
        }
    }

    /// Signals when nothing holds it any more.
    private final class Use: Sendable {
        private let end: DispatchSemaphore

        init(_ end: DispatchSemaphore) { self.end = end }

        deinit { end.signal() }
    }
}

import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import IndexService

/// Listeners rest while the process has no descriptor left for what must have one.
@Suite struct AcceptPauseTests {
    private let files = FewFiles(DescriptorReserve.size + 1)
    private let log = RecordedLog()

    /// A listener behind a pause of its own, and what it lets through.
    private func makeListener(_ reserve: DescriptorReserve) throws -> EmbeddedChannel {
        EmbeddedChannel(handler: AcceptPause(reserve: reserve, logger: log.makeLogger()))
    }

    private func isResting(_ listener: EmbeddedChannel) -> Bool {
        let values = listener.options.filter { $0.option is ChannelOptions.Types.AutoReadOption }
        return values.last?.value as? Bool == false
    }

    private func fail(_ listener: EmbeddedChannel, with code: CInt) {
        listener.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        #expect(throws: IOError.self) { try listener.throwIfErrorCaught() }
    }

    private func turn(_ listeners: EmbeddedChannel...) {
        for listener in listeners {
            listener.embeddedEventLoop.advanceTime(by: AcceptPause.period)
        }
    }

    @Test func aMissingDescriptorGivesTheReserveToOthersUntilThereAreEnough() throws {
        let reserve = DescriptorReserve(system: files.system)
        let listener = try makeListener(reserve)
        files.add(-1)
        fail(listener, with: EMFILE)
        #expect(isResting(listener))
        #expect(files.free == DescriptorReserve.size)
        for _ in 0..<10 { turn(listener) }
        #expect(isResting(listener))
        #expect(files.free == DescriptorReserve.size)
        files.add(1)
        turn(listener)
        #expect(!isResting(listener))
        #expect(reserve.isSafe)
        #expect(log.records.count == 1)
        #expect(log.records[0].text.contains("too many open files"))
    }

    /// The limit of a running process can be lowered while nobody connects.
    @Test func itRestsBeforeAConnectionFails() throws {
        let reserve = DescriptorReserve(system: files.system)
        let listener = try makeListener(reserve)
        turn(listener)
        #expect(!isResting(listener))
        files.add(-1)
        turn(listener)
        #expect(isResting(listener))
        #expect(files.free == DescriptorReserve.size)
    }

    /// The reserve that one of them gave back is not for connections of the other.
    @Test func allListenersRestTogether() throws {
        let reserve = DescriptorReserve(system: files.system)
        let (first, second) = (try makeListener(reserve), try makeListener(reserve))
        files.add(-1)
        fail(first, with: EMFILE)
        turn(second)
        #expect(isResting(second))
        files.add(1)
        turn(first, second)
        #expect(!isResting(first))
        #expect(!isResting(second))
        #expect(reserve.isSafe)
    }

    @Test(arguments: [ENFILE, ENOBUFS, ENOMEM])
    func otherShortagesAreRestsToo(_ code: CInt) throws {
        let listener = try makeListener(DescriptorReserve(system: files.system))
        fail(listener, with: code)
        #expect(isResting(listener))
        turn(listener)
        #expect(!isResting(listener))
    }

    @Test func aConnectionThatEndedBeforeItWasAcceptedIsNoShortage() throws {
        let listener = try makeListener(DescriptorReserve(system: files.system))
        fail(listener, with: ECONNABORTED)
        #expect(!isResting(listener))
        #expect(log.records.isEmpty)
    }

    @Test func aListenerThatIsGoneLooksNoMore() throws {
        let reserve = DescriptorReserve(system: files.system)
        let listener = try makeListener(reserve)
        _ = try listener.finish()
        files.add(-1)
        turn(listener)
        #expect(files.free == 0)
        #expect(!reserve.isSafe)
    }
}

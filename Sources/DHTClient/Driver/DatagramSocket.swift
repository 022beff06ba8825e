internal import DHTCore
internal import NIOCore
internal import NIOPosix

/// One UDP socket of the driver: reads through NIO, sends straight to the system.
///
/// Confined to the driver's event loop, like the driver that it feeds.
final class DatagramSocket: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    /// What the socket was asked to listen on.
    let requested: Endpoint
    /// What the system gave; kept, so that a lost socket is reopened at the same port.
    private(set) var bound: Endpoint
    private let descriptor: SocketDescriptor
    private weak var driver: DatagramDriver?
    private var channel: (any Channel)?

    /// Binds at once, so that a port in use is an error of the start.
    init(
        _ requested: Endpoint,
        at address: Endpoint,
        _ settings: SocketSettings,
        driver: DatagramDriver
    ) throws(MainlineError) {
        self.requested = requested
        descriptor = try SocketDescriptor.bind(address, settings)
        bound = descriptor.localEndpoint ?? address
        self.driver = driver
    }

    /// Hands the descriptor to NIO, which closes it with the channel.
    func open(_ settings: SocketSettings, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let count = max(1, settings.datagramsPerRead)
        let capacity = count * max(2048, settings.datagramCapacity)
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        return DatagramBootstrap(group: eventLoop)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: capacity)
            )
            .channelOption(.datagramVectorReadMessageCount, value: count)
            .channelOption(.maxMessagesPerRead, value: UInt(max(1, settings.readsPerWake)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    handler.value.channel = channel
                    try channel.pipeline.syncOperations.addHandler(handler.value)
                }
            }
            .withBoundSocket(descriptor.raw)
            .map { _ in }
    }

    /// Whether datagrams can be sent; false from the moment that the descriptor is given back.
    var isOpen: Bool { channel?.isActive ?? false }

    var receiveBufferBytes: Int { isOpen ? descriptor.receiveBufferBytes : 0 }

    /// Sends one datagram; nil when the system took it.
    func send(_ payload: Span<UInt8>, to endpoint: Endpoint) -> SendFailure? {
        // A closed descriptor's number may be another file's by now.
        guard isOpen else { return .noSocket }
        return descriptor.send(payload, to: endpoint)
    }

    /// Closes the socket for good; the driver hears nothing more of it.
    func close(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        driver = nil
        return channel?.close() ?? eventLoop.makeSucceededVoidFuture()
    }

    /// Closes the socket as a fault would: the driver hears of it.
    func drop() {
        channel?.close(promise: nil)
    }

    /// Closes a socket that was bound and never opened.
    func discard() {
        driver = nil
        descriptor.close()
    }

    // MARK: ChannelInboundHandler

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let peer = envelope.remoteAddress.withSockAddr { address, _ in Endpoint(address) }
        guard let peer else { return }
        driver?.receive(envelope.data.readableBytesUInt8Span, from: peer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        driver?.endBatch()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIO closes the channel itself when the error is one that it cannot go on after.
        driver?.readFailed(self, error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        driver?.socketLost(self)
    }
}

@available(*, unavailable)
extension DatagramSocket: Sendable {}

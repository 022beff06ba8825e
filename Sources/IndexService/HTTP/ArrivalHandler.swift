internal import NIOCore

/// Stands in front of the decoder: hands it what is left of the bytes that came in.
final class ArrivalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let exchanges: ExchangeHandler

    init(telling exchanges: ExchangeHandler) {
        self.exchanges = exchanges
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        exchanges.take(from: &bytes)
        if bytes.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(bytes)) }
    }
}

@available(*, unavailable)
extension ArrivalHandler: Sendable {}

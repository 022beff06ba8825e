internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1

/// The pipeline of one accepted connection.
///
/// From the network inwards: `ArrivalHandler` (sees bytes, and has plain requests answered), the
/// HTTP/1.1 decoder and encoder, `ExchangeHandler` (limits, timeouts, answers out of RAM), the
/// codec to the currency types, and the bridge to the async responder.
struct ServiceChannel: HTTPChannelHandler {
    /// What the kernel may hold of answers that a client has not taken yet.
    private static let sendBufferBytes: SocketOptionValue = 256 << 10

    /// A connection as its task works with it.
    struct Value: ServerChildChannelValue {
        let bridge: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        let withdrawal: Withdrawal

        var channel: any Channel { bridge.channel }
    }

    let responder: HTTPChannelHandler.Responder
    let services: ExchangeServices
    let limiter: ConnectionLimiter
    let locals: LoopLocals
    let stop: StopSignal

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // Left to itself the kernel keeps megabytes for each client that reads nothing.
            try channel.syncOptions?.setOption(
                .socketOption(.so_sndbuf),
                value: Self.sendBufferBytes
            )
            let pipeline = channel.pipeline.syncOperations
            let exchanges = ExchangeHandler(
                services: services,
                local: locals.local(of: channel.eventLoop),
                admission: admit(channel)
            )
            try pipeline.addHandler(ArrivalHandler(telling: exchanges))
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false,
                withErrorHandling: false,
                withOutboundHeaderValidation: true,
                withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: services.screening.decoderLimits
            )
            try pipeline.addHandler(exchanges)
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            let value = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
                wrappingChannelSynchronously: channel,
                configuration: .init(isOutboundHalfClosureEnabled: true)
            )
            // A server that stops drops what it has accepted and not yet handed on; a writer that
            // goes before its channel has closed ends the process (apple/swift-nio issue 2813).
            channel.closeFuture.whenComplete { _ in withExtendedLifetime(value) {} }
            return Value(bridge: value, withdrawal: exchanges.withdrawal)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await Withdrawal.$current.withValue(value.withdrawal) {
            await handleHTTP(asyncChannel: value.bridge, logger: logger)
        }
    }

    private func admit(_ channel: any Channel) -> ExchangeHandler.Admission {
        let client = channel.client
        guard limiter.admit(client) else { return .overCapacity }
        channel.closeFuture.whenComplete { [limiter] _ in limiter.release(client) }
        return stop.isGiven ? .stopping : .admitted
    }
}

extension Screening {
    /// Hard bounds of the decoder, a little above the screening's own, which give the better
    /// answer: the decoder counts the target into its list and cannot tell the two apart.
    var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        let largest = max(maximumHeaderBytes, maximumTargetBytes)
        limits.maxHeaderFieldSize = largest + 4096
        limits.maxHeaderListSize = maximumHeaderBytes + maximumTargetBytes + 4096
        limits.maxHeaderFieldCount = 256
        return limits
    }
}

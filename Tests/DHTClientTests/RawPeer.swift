import DHTClient
import DHTCore
import NIOCore
import NIOPosix

/// A bare UDP socket in the place of a node: hears everything, answers only what a test sends.
struct RawPeer: Sendable {
    let endpoint: Endpoint
    private let channel: any Channel
    private let datagrams: AsyncStream<AddressedEnvelope<ByteBuffer>>

    static func open() async throws -> RawPeer {
        let (stream, continuation) = AsyncStream.makeStream(of: AddressedEnvelope<ByteBuffer>.self)
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.pipeline.addHandler(Collector(continuation: continuation))
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let port = UInt16(channel.localAddress?.port ?? 0)
        return RawPeer(
            endpoint: Endpoint(127, 0, 0, 1, port: port),
            channel: channel,
            datagrams: stream
        )
    }

    /// The next query that arrives: its transaction, and where it came from.
    func nextQuery(_ method: Message.Method? = nil) async -> (transaction: [UInt8], from: Endpoint)?
    {
        for await envelope in datagrams {
            let bytes = Array(envelope.data.readableBytesView)
            guard let message = try? Message(bytes.span, limits: Bencode.Limits()),
                case .query(let asked) = message.kind, method == nil || asked == method
            else { continue }
            let range = message.transaction
            let port = UInt16(envelope.remoteAddress.port ?? 0)
            return (Array(bytes[range.start..<range.end]), Endpoint(127, 0, 0, 1, port: port))
        }
        return nil
    }

    func send(_ bytes: [UInt8], to endpoint: Endpoint) async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(endpoint.port))
        let data = ByteBuffer(bytes: bytes)
        try await channel.writeAndFlush(AddressedEnvelope(remoteAddress: address, data: data))
    }

    func close() async throws {
        try await channel.close()
    }

    /// A reply to `get_peers` or `find_node` from a node without contacts.
    static func reply(
        to transaction: [UInt8],
        from id: NodeID,
        naming peer: Endpoint? = nil
    ) -> [UInt8] {
        var bytes = Array("d1:rd2:id20:".utf8) + id.bytes + Array("5:token4:abcd".utf8)
        if let peer {
            bytes += Array("6:valuesl6:".utf8)
            peer.appendCompact(to: &bytes)
            bytes += Array("e".utf8)
        }
        return bytes + Array("e1:t\(transaction.count):".utf8) + transaction + Array("1:y1:re".utf8)
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        let continuation: AsyncStream<AddressedEnvelope<ByteBuffer>>.Continuation

        init(continuation: AsyncStream<AddressedEnvelope<ByteBuffer>>.Continuation) {
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(unwrapInboundIn(data))
        }
    }
}

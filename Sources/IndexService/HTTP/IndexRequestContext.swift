internal import Hummingbird
internal import NIOCore

/// What the responder knows of a request beside the request itself.
struct IndexRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who asks, as limits count it.
    let client: ClientAddress

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        client = source.channel.client
    }
}

/// Why the service could not start; each message says what to change.
package enum StartError: Error, CustomStringConvertible {
    case store(path: String, StoreError)
    /// The option that sets the address is what the message tells to change.
    case listen(ListenAddress, flag: String, reason: String)
    /// The DHT client could not start, in its own sentence.
    case discovery(String)
    /// A setting that only shows to be wrong when it is used.
    case setting(String)

    package var description: String {
        switch self {
        case .store(let path, let error): error.operatorMessage(path: path)
        case .listen(let address, let flag, let reason):
            "cannot listen on \(address): \(reason); choose another address with \(flag)"
        case .discovery(let reason):
            "the DHT cannot be joined: \(reason); see dht.bind, or start with --dht-mode off"
        case .setting(let sentence): sentence
        }
    }

    /// Whether the configuration has to change, as opposed to the world around the service.
    package var isConfigurationError: Bool {
        if case .setting = self { true } else { false }
    }
}

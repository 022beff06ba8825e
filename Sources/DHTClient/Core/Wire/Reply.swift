/// The frame around every response and error; what stands inside is written between the calls.
extension BencodeWriter {
    /// Opens a response up to and including `r.id`; the rest of `r` follows in sorted order.
    ///
    /// BEP 42 puts the requester's own address at the top level under `ip`.
    package mutating func beginResponse(to requester: Endpoint, sender: NodeID) {
        beginDictionary()
        text("ip")
        stringHeader(count: requester.family.compactPeerCount)
        requester.appendCompact(to: &bytes)
        text("r")
        beginDictionary()
        text("id")
        string(sender)
    }

    /// Closes `r` and the response; the transaction is echoed from the query's own bytes.
    package mutating func endResponse(
        to query: Span<UInt8>,
        transaction: ByteRange,
        version: [UInt8] = []
    ) {
        end()
        tail(to: query, transaction: transaction, version: version)
        text("r")
        end()
    }

    /// A whole error reply.
    package mutating func error(
        _ error: QueryError,
        to query: Span<UInt8>,
        transaction: ByteRange,
        version: [UInt8] = []
    ) {
        beginDictionary()
        text("e")
        beginList()
        integer(error.rawValue)
        text(error.text)
        end()
        tail(to: query, transaction: transaction, version: version)
        text("e")
        end()
    }

    private mutating func tail(to query: Span<UInt8>, transaction: ByteRange, version: [UInt8]) {
        text("t")
        string(query, transaction)
        if !version.isEmpty {
            text("v")
            string(version)
        }
        text("y")
    }
}

/// The errors that a node sends (BEP 5, BEP 44).
package enum QueryError: Int64, Error, Sendable, CaseIterable {
    case generic = 201
    case server = 202
    /// A malformed query or a bad token.
    case protocolViolation = 203
    case unknownMethod = 204
    case valueTooBig = 205
    case badSignature = 206
    case saltTooBig = 207
    case compareAndSwapMismatch = 301
    case sequenceTooLow = 302

    var text: StaticString {
        switch self {
        case .generic: "generic error"
        case .server: "server error"
        case .protocolViolation: "protocol error"
        case .unknownMethod: "unknown method"
        case .valueTooBig: "value too big"
        case .badSignature: "invalid signature"
        case .saltTooBig: "salt too big"
        case .compareAndSwapMismatch: "CAS mismatch"
        case .sequenceTooLow: "sequence number too low"
        }
    }
}

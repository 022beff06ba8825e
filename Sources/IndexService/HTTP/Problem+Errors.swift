// The one place where the errors of the layers below become what callers see.

extension Problem {
    init(_ error: KeyError) {
        self.init(.badRequest, error.description)
    }

    init(_ error: FieldError) {
        self.init(.badRequest, error.description)
    }

    init(_ error: JSONError) {
        self.init(.badRequest, "the body is refused: \(error.detail)")
    }

    init(_ error: ResolveError) {
        switch error {
        case .storeUnavailable(let error): self.init(error)
        case .integrity: self.init(.internal, "a stored manifest does not match its content id")
        case .discoveryDisabled:
            self.init(
                .upstreamUnready,
                "this name is a public key that only the DHT can resolve, and the DHT is off here"
            )
        case .discoveryUnreachable:
            self.init(.upstreamUnready, "no node of the DHT could be asked; try again later")
        case .timedOut:
            self.init(.timeout, "the DHT did not answer in time; try again")
        case .closing:
            self.init(.upstreamUnready, "the service is shutting down; ask another instance")
        case .overCapacity:
            self.init(.overCapacity, "too many lookups are under way; try again later")
        }
    }

    init(_ error: MissGateError) {
        switch error {
        case .full, .displaced:
            self.init(.overCapacity, "too many such requests are under way; try again later")
        case .expired, .cancelled:
            self.init(.timeout, "too many such requests were ahead; try again later")
        case .closed: self.init(ResolveError.closing)
        }
    }

    init(_ error: StoreError) {
        switch error {
        case .integrity: self.init(.internal, error.publicDetail)
        case .tooManyProviders: self.init(.conflict, error.publicDetail)
        case .tooManyPins, .crowded: self.init(.overCapacity, error.publicDetail)
        case .inUse, .unwritable, .unreadable, .diskFull, .corrupt, .missing, .foreign,
            .newerSchema, .late, .unavailable:
            self.init(.upstreamUnready, error.publicDetail)
        }
    }

    init(_ error: InflateError) {
        switch error {
        case .overCap(let limit):
            self.init(.decompressCap, "the body inflates to more than \(limit) bytes")
        case .overRatio(let ratio):
            self.init(.decompressCap, "the body inflates to more than \(ratio) times its size")
        case .malformed:
            self.init(.badRequest, "the body is not valid in its Content-Encoding")
        }
    }
}

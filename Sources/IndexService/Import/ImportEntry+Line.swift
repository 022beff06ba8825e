/// Why a line was not imported: its number and one sentence.
package struct ImportRefusal: Error, Sendable, Equatable {
    /// Counted from 1.
    package let line: Int
    package let reason: String

    package init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }
}

extension ImportEntry {
    /// Judges what a line says: every text becomes a value of the model, or the line is refused.
    package init(_ line: ImportLine, at now: UnixTime) throws(FieldError) {
        do {
            name = try Name(parsing: line.name)
        } catch {
            throw FieldError(error.description)
        }
        guard !name.isKeyName else {
            throw FieldError("a name that ends in a public key is resolved from the DHT only")
        }
        switch line.manifest {
        case .canonical(let bytes):
            let mediaType = try line.mediaType.map { text throws(FieldError) in
                try MediaType(parsing: text)
            }
            let manifest = Manifest(bytes: bytes, mediaType: mediaType ?? .json)
            self.manifest = manifest
            manifestID = manifest.id
        case .contentID(let text):
            manifest = nil
            do {
                manifestID = try ContentID(parsing: text)
            } catch {
                throw FieldError(error.description)
            }
        }
        ttl = line.ttlSeconds
        var providers: [Provider] = []
        providers.reserveCapacity(line.providers.count)
        var ids: Set<ProviderID> = []
        for (index, said) in line.providers.enumerated() {
            let provider = try Provider(said, at: now)
            guard ids.insert(provider.id).inserted else {
                let what = said.id.map { "id \"\($0)\"" } ?? "address, and no id,"
                throw FieldError("providers[\(index)] has the \(what) of one before it in the line")
            }
            providers.append(provider)
        }
        self.providers = providers
    }
}

extension Provider {
    fileprivate init(_ line: ImportLine.Provider, at now: UnixTime) throws(FieldError) {
        let address = try ProviderAddress(parsing: line.address)
        let id = try line.id.map { text throws(FieldError) in try ProviderID(parsing: text) }
        self.init(
            id: id ?? ProviderID(derivedFrom: address),
            address: address,
            region: try line.region.map { text throws(FieldError) in try Region(parsing: text) },
            lastSeen: now,
            expiresAt: line.ttlSeconds.map(now.advanced(bySeconds:))
        )
    }
}

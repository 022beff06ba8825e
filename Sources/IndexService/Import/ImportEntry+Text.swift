extension ImportEntry {
    /// The entry as an import line, line break included: importing it at `now` stores the same.
    ///
    /// A provider that expires is written with the whole seconds it has left, the begun one
    /// counted; one that has expired is left out. The manifest, where the entry has one, must be
    /// canonical JSON.
    package func line(at now: UnixTime) -> [UInt8] {
        var json = JSONWriter(reserving: 256 + (manifest?.bytes.count ?? 0))
        json.beginObject()
        json.field("name", name.text)
        if let manifest {
            json.key("manifest")
            json.raw(manifest.bytes.span)
            if manifest.mediaType != .json {
                json.field("media_type", manifest.mediaType.description)
            }
        } else {
            json.field("manifest_cid", manifestID.description)
        }
        if let ttl { json.field("ttl_s", ttl) }
        let lasting = providers.filter { $0.expiresAt.map { now < $0 } ?? true }
        if !lasting.isEmpty {
            json.key("providers")
            json.beginArray()
            for provider in lasting { provider.write(to: &json, at: now) }
            json.endArray()
        }
        json.endObject()
        return json.bytes + [UInt8(ascii: "\n")]
    }
}

extension Provider {
    fileprivate func write(to json: inout JSONWriter, at now: UnixTime) {
        json.beginObject()
        json.field("id", id.description)
        json.field("addr", address.description)
        if let region { json.field("region", region.description) }
        if let expiresAt {
            // Both times are cut to whole seconds, so their difference is what is left rounded up.
            let left = Int(clamping: expiresAt.seconds(since: now))
            json.field("ttl_s", min(left, ImportLineReader.longestTTL))
        }
        json.endObject()
    }
}

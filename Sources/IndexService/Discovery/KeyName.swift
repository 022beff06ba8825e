package import DHTCore

/// A name that certifies itself: labels under an Ed25519 public key (contract, section 2).
package struct KeyName: Hashable, Sendable, CustomStringConvertible {
    package let publicKey: PublicKey
    /// What stands before the key, in the order of the name; none is the key's own record.
    package let labels: [String]

    /// Nil unless the name's last label is a key.
    package init?(_ name: Name) {
        let labels = name.text.split(separator: ".").map(String.init)
        guard let last = labels.last, let key = ZBase32.decode(last.utf8),
            let publicKey = PublicKey(key)
        else { return nil }
        self.publicKey = publicKey
        self.labels = labels.dropLast()
    }

    /// The name that is the key alone.
    package init(_ publicKey: PublicKey) {
        self.publicKey = publicKey
        labels = []
    }

    /// The key as it stands in names: 52 characters of z-base-32.
    package var keyText: String { ZBase32.encode(publicKey.bytes) ?? "" }

    package var description: String { (labels + [keyText]).joined(separator: ".") }

    /// `_dnslink.<labels>.<key>`: whose TXT record says where the name points (DNSLink).
    ///
    /// Nil when DNS cannot hold it.
    package var recordName: DNSName? { DNSName(labels: ["_dnslink"] + labels + [keyText]) }
}

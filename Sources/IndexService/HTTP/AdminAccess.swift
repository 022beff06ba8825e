internal import BLAKE3
internal import NIOHTTP1
internal import StoreFiles

/// Who may use the admin routes: whoever sends the token of the configured file (RFC 6750).
package enum AdminAccess: Sendable, Equatable {
    /// No token file is configured: nobody may, and the answer says how to change that.
    case disabled
    /// Holders of the token with this digest may. The token itself is not kept.
    case token(digest: TokenDigest)

    /// The BLAKE3 of a token, compared without telling by the time taken how much of it is right.
    package struct TokenDigest: Sendable, Equatable {
        private let digest: Digest

        init(of token: some Sequence<UInt8>) {
            digest = Digest(hashing: Array(token))
        }

        func isDigest(of candidate: some Sequence<UInt8>) -> Bool {
            let other = Digest(hashing: Array(candidate))
            return digest.withUnsafeBytes { mine in
                other.withUnsafeBytes { theirs in
                    zip(mine, theirs).reduce(into: UInt8(0)) { $0 |= $1.0 ^ $1.1 } == 0
                }
            }
        }
    }

    /// Why a token file cannot be used; one sentence that names the file and the remedy.
    package struct TokenFileError: Error, CustomStringConvertible {
        package let description: String
    }

    /// Reads the token: the file's text without the white space around it, 16 to 4096 bytes.
    package init(tokenFile path: String?) throws(TokenFileError) {
        guard let path else {
            self = .disabled
            return
        }
        let token = try Self.readToken(path)
        guard (16...4096).contains(token.count), token.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw TokenFileError(
                description: "auth.token_file \(path) must hold one token of 16 to 4096 printable "
                    + "characters; make one with: head -c 32 /dev/urandom | base64 > \(path)"
            )
        }
        self = .token(digest: TokenDigest(of: token))
    }

    /// The access that the settings give.
    init(settings: Settings.Auth) throws(StartError) {
        do {
            try self.init(tokenFile: settings.tokenFile)
        } catch {
            throw .setting(error.description)
        }
    }

    /// Why a request with these headers may not use the admin routes; nil when it may.
    func refusal(of headers: HTTPHeaders) -> Problem? {
        guard case .token(let digest) = self else {
            return Problem(
                .forbidden,
                "the admin routes are off; start the service with --auth-token-file FILE"
            )
        }
        let scheme = "bearer "
        // Of two credentials either could be meant: that is none.
        let values = headers["Authorization"]
        guard let value = values.first, values.count == 1, value.lowercased().hasPrefix(scheme)
        else {
            return Problem(.unauthorized, "send the admin token as: Authorization: Bearer <token>")
        }
        guard digest.isDigest(of: value.utf8.dropFirst(scheme.utf8.count)) else {
            return Problem(.unauthorized, "the admin token is not the right one")
        }
        return nil
    }

    private static func readToken(_ path: String) throws(TokenFileError) -> ArraySlice<UInt8> {
        let bytes: [UInt8]
        do throws(SmallFile.Failure) {
            bytes = try SmallFile.bytes(of: path, limit: 8192)
        } catch {
            throw TokenFileError(description: "auth.token_file \(path) \(error.reason)")
        }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
        let text = bytes.drop(while: isSpace)
        let trailing = text.reversed().prefix(while: isSpace).count
        return text.dropLast(trailing)
    }
}

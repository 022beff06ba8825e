internal import IndexService

// Keys given on the command line: what is wrong with one is the command's failure.

extension ContentID {
    init(argument text: String) throws(Failure) {
        self = try parse(text, ContentID.init(parsing:))
    }
}

extension ResolveKey {
    init(argument text: String) throws(Failure) {
        self = try parse(text, ResolveKey.init(parsing:))
    }
}

extension KeyName {
    init(argument text: String) throws(Failure) {
        let name = try parse(text, Name.init(parsing:))
        guard let keyName = KeyName(name) else {
            throw Failure(
                .usage,
                "\(name) does not end in a public key; make one with: svc-index keygen"
            )
        }
        self = keyName
    }
}

private func parse<Key>(
    _ text: String,
    _ read: (String) throws(KeyError) -> Key
) throws(Failure) -> Key {
    do {
        return try read(text)
    } catch {
        throw Failure(.usage, error.description)
    }
}

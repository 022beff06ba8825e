/// What separates the three kinds of hash: the words every node starts from, and a flag.
struct Mode {
    var key: ChainingValue
    var flags: UInt32

    static let hash = Mode(key: .initial, flags: 0)
    static let deriveKeyContext = Mode(key: .initial, flags: Flag.deriveKeyContext)
}

/// What separates the three kinds of hash: the words every node starts from, and a flag.
struct Mode {
    var key: ChainingValue
    var flags: UInt32

    static let hash = Mode(key: .initial, flags: 0)
    static let deriveKeyContext = Mode(key: .initial, flags: Flag.deriveKeyContext)

    /// Calls `body` with the 32 bytes of the key.
    func withUnsafeKey(_ body: (UnsafeRawPointer) -> Void) {
        withUnsafeBytes(of: key) { bytes in
            if let start = bytes.baseAddress { body(start) }
        }
    }
}

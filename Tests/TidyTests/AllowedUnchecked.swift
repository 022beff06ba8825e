/// A file that may break one rule, and why.
///
/// An entry that is not needed any more, or has no reason, fails the test as well: the lists
/// only ever shrink by themselves.
struct Exemption: Sendable {
    let path: String
    let reason: String
}

/// The exceptions to the rules: a reviewer finds all of them here and in `AllowedTasks.swift`.
enum Allowed {
    /// Files with `@unchecked Sendable` or `nonisolated(unsafe)`.
    static let unchecked: [Exemption] = []
}

extension Allowed {
    /// Files in Sources that start a task outside a group.
    static let tasks: [Exemption] = []

    /// Files in Tests that wait for time to pass.
    static let sleeps: [Exemption] = []
}

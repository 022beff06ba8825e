extension Allowed {
    /// Files in Sources that start a task outside a group.
    static let tasks: [Exemption] = []

    /// Files in Tests that wait for time to pass.
    static let sleeps = [
        Exemption(
            path: "Tests/Hostility/Flood.swift",
            reason: "a flood of so many datagrams a second has to be paced"
        )
    ]
}

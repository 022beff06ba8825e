/// A set of defaults for one way of running the service.
package enum Profile: String, Sendable, Equatable, CaseIterable {
    /// One tenant, a laptop or a small board; the default.
    case micronode

    /// Many tenants, behind a gateway.
    case macronode
}

/// What happens inside the service that other parts of it, or an operator, may want to follow.
package enum IndexEvent: Hashable, Sendable {
    /// A question was answered, and from where.
    case resolved(key: ResolveKey, source: Resolved.Source)
    /// A name leads somewhere else now, or nowhere.
    case nameChanged(Name)
    /// The providers known for a content id are not the same as before.
    case providerSetChanged(ContentID)
    /// These settings have new values since a reload.
    case configUpdated([String])
    /// Readiness as a whole changed.
    case readinessChanged(isReady: Bool)
    /// Of the bus's check of itself, which alone hears it.
    case heartbeat
}

/// An event with its place in the order of all events of one bus.
package struct PublishedEvent: Hashable, Sendable {
    /// One more than that of the event before; a larger step means that events were dropped.
    package let sequence: UInt64
    package let event: IndexEvent
}

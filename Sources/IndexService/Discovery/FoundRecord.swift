internal import Cache
internal import DHTCore

/// Where a key name points, as far as could be found out.
enum FoundRecord: Sendable {
    /// Not current when the DHT could not be asked to the end, or did not have it any more: it is
    /// known from before. Early when a more thorough lookup may find a newer one.
    case found(KeyNameRecord, isCurrent: Bool, isEarly: Bool)
    case absent
    /// With the number of the newest item that the key is known to have, which has no such record:
    /// a still newer one may.
    case unknown(Discovered.Obstacle, newest: Int64?)
}

extension FoundRecord {
    /// What the lookups of the families say of a name together; `newest` takes their items.
    ///
    /// An item is no proof that everybody was asked: whom a lookup did not come to may have a newer
    /// one, with this name in it or with another target.
    ///
    /// - Parameter isNews: set where the key's item is newer than any that was seen before.
    init(
        of name: KeyName,
        in results: [Result<LookupResult, Discovered.Obstacle>],
        isEarly: Bool,
        _ newest: NewestRecords,
        isNews: inout Bool,
        at now: MonotonicInstant
    ) {
        var obstacles: [Discovered.Obstacle] = []
        var isServed = false
        for result in results {
            switch result {
            case .success(let result):
                switch result.item.map({ newest.take($0, of: name.publicKey, at: now) }) {
                case nil, .overtaken: break
                case .known: isServed = true
                case .newer: (isServed, isNews) = (true, true)
                }
                switch result.report.end {
                case .complete, .satisfied: break
                default: obstacles.append(Discovered.Obstacle(result.report))
                }
            case .failure(let obstacle): obstacles.append(obstacle)
            }
        }
        let obstacle = obstacles.min()
        let item = newest.item(of: name.publicKey, at: now)
        if let record = item.flatMap({ try? KeyNameRecord(of: name, in: $0) }) {
            self = .found(record, isCurrent: isServed && obstacle == nil, isEarly: isEarly)
        } else {
            self = obstacle.map { .unknown($0, newest: item?.mutable?.sequence) } ?? .absent
        }
    }
}

import Randomness
import Testing

@testable import Spill

/// Random histories against a dictionary.
@Suite struct SpillModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theStoreActsLikeADictionary(seed: UInt64) async throws {
        let spill = try TemporarySpill()
        var random = SeededRandom(seed: seed)
        var model: [[UInt8]: SpilledEntry] = [:]
        var now: Int64 = 0
        func open() -> SpillStore {
            spill.makeStore { ($0.batchSize, $0.batchDelay) = (8, seed.isMultiple(of: 2) ? 1 : 50) }
        }
        var store = open()
        for step in 0..<1500 {
            now += 1
            let key = makeKey(Int.random(in: 0..<40, using: &random))
            switch Int.random(in: 0..<100, using: &random) {
            case ..<40:
                let entry = makeEntry(
                    "\(seed) \(step)",
                    size: Int.random(in: 0..<9000, using: &random),
                    staleUntil: now + Int64.random(in: 1..<300, using: &random)
                )
                try #require(store.put(entry, for: key))
                model[key] = entry
            case ..<85:
                let expected = model[key].flatMap { $0.staleUntil > now ? $0 : nil }
                let found = await store.value(for: key, at: now)
                #expect(found == expected, "seed \(seed), step \(step)")
            case ..<93:
                let keys = [key, makeKey(Int.random(in: 0..<40, using: &random))]
                store.remove(keys)
                for key in keys { model[key] = nil }
            case ..<94:
                store.removeAll()
                model = [:]
            case ..<98: await store.flush()
            default:
                await store.close()
                store = open()
            }
        }
        await store.flush()
        #expect(store.status.failures == 0)
        #expect(store.status.entries >= model.values.count { $0.staleUntil > now })
        #expect(store.status.entries <= model.count)
    }
}

import DHTClient
import Dispatch
import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import IndexService

/// One way in which something that a service stands on breaks, and is mended.
struct Fault: Sendable, CustomStringConvertible {
    typealias Mend = @Sendable () async throws -> Void

    /// A fault with what it needs around the service.
    struct Scene: Sendable {
        var configure: @Sendable (inout Settings) -> Void = { _ in }
        /// Breaks it; what is returned mends it.
        let harm: @Sendable (RunningService) async throws -> Mend
        var end: @Sendable () async -> Void = {}
    }

    let description: String
    /// The check that does not hold meanwhile; nil where readiness is not to change.
    let check: Readiness.Check?
    let make: @Sendable () async throws -> Scene
}

extension Fault {
    static let all = [
        settingsHang, settingsAreRefused, directoryIsGone, diskIsFull, diskIsUnreadable, readsHang,
        readsFail, writesHang,
        networkIsGone, busIsFull, loopHangs, spillIsGone,
    ]

    private static let settingsHang = Fault(
        description: "the settings are read again, and that hangs",
        check: .configLoaded
    ) {
        Scene(harm: { service in
            let release = service.source.stall()
            let reload = Task { try await service.reload() }
            return {
                release()
                try await reload.value
            }
        })
    }

    private static let settingsAreRefused = Fault(
        description: "new settings are refused",
        check: nil
    ) {
        Scene(harm: { service in
            service.source.spoil(with: settingsProblems("--db-readers", "0"))
            try await service.reload()
            return {
                service.source.spoil(with: [])
                try await service.reload()
            }
        })
    }

    private static let directoryIsGone = Fault(
        description: "the directory of the index is moved away",
        check: .databaseOpen
    ) {
        let home = try TemporaryDirectory()
        return Scene(
            configure: inDirectory(home),
            harm: { _ in
                let (place, elsewhere) = (home.path + "/index", home.path + "/away")
                try FileManager.default.moveItem(atPath: place, toPath: elsewhere)
                return { try FileManager.default.moveItem(atPath: elsewhere, toPath: place) }
            }
        )
    }

    private static let diskIsFull = Fault(
        description: "the disk of the index has no room left",
        check: .databaseOpen
    ) {
        let home = try TemporaryDirectory()
        return Scene(
            configure: inDirectory(home),
            harm: { service in
                let store = service.application.store
                let limits = store.configuration
                var tight = limits
                tight.minimumFreeBytes = .max
                store.change(to: tight)
                return { store.change(to: limits) }
            }
        )
    }

    /// SQLite calls it damage, as it does an input error, and both may be over.
    private static let diskIsUnreadable = Fault(
        description: "the disk of the index gives nothing but zeros",
        check: .databaseOpen
    ) {
        let home = try TemporaryDirectory()
        let store = try IndexStore(path: home.path + "/index", configuration: .init())
        try await store.close()
        return Scene(
            configure: inDirectory(home),
            harm: { service in
                let file = DatabaseFile(in: home.path + "/index")
                let whole = try file.spoil()
                service.application.store.forgetPages()
                return { try file.write(whole) }
            }
        )
    }

    private static let readsHang = Fault(
        description: "reads of the index hang",
        check: .databaseOpen
    ) {
        Scene(harm: { service in
            let (go, hung) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let store = service.application.store
            let readers = store.configuration.readers
            for _ in 0..<readers {
                Task {
                    try await store.reading { _ in
                        hung.signal()
                        go.wait()
                    }
                }
            }
            try await onOwnThread { for _ in 0..<readers { hung.wait() } }
            return { for _ in 0..<readers { go.signal() } }
        })
    }

    private static let readsFail = Fault(
        description: "reads of the index fail, all but the one of the check",
        check: .databaseOpen
    ) {
        Scene(harm: { service in
            let store = service.application.store
            try store.execute("ALTER TABLE manifests RENAME TO away")
            let id = SampleIndex.unknownID
            let questions = (1...32).map { WireRequest("GET", "/providers/\(id)?limit=\($0)") }
            _ = try await service.ask(questions)
            return { try store.execute("ALTER TABLE away RENAME TO manifests") }
        })
    }

    private static let writesHang = Fault(
        description: "writes of the index hang, and reads go on",
        check: .databaseOpen
    ) {
        let home = try TemporaryDirectory()
        return Scene(
            configure: inDirectory(home),
            harm: { service in
                let writer = HeldWriter()
                try await writer.hold(service.application.store)
                return { writer.release() }
            }
        )
    }

    private static let networkIsGone = Fault(
        description: "all nodes of the DHT are gone",
        check: .dhtClientReady
    ) {
        let (network, port) = try await startNetwork()
        let box = NetworkBox(network)
        return Scene(
            configure: { settings in
                settings.dht.mode = .client
                settings.dht.binds = [ListenAddress(host: "127.0.0.1", port: 0)]
                settings.dht.bootstrap = network.bootstrap
                // How much of a network so small is found at once is not the question here.
                settings.dht.minNodes = 8
            },
            harm: { _ in
                await box.network.stop()
                return { box.network = try await .start(count: nodes, firstPort: port) }
            },
            end: { await box.network.stop() }
        )
    }

    private static let busIsFull = Fault(
        description: "the bus has no place for a subscriber",
        check: .busAttached
    ) {
        Scene(harm: { service in
            let bus = service.application.bus
            var subscriptions: [EventSubscription] = []
            while subscriptions.count < EventBus.maximumSubscriptions {
                let one = bus.subscribe()
                // The check itself has a place for a moment.
                if one.isRefused { await Task.yield() } else { subscriptions.append(one) }
            }
            return { [subscriptions] in for one in subscriptions { one.cancel() } }
        })
    }

    private static let loopHangs = Fault(
        description: "an event loop hangs",
        check: .listenersBound
    ) {
        Scene(harm: { service in
            let (go, hung) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            service.loops.next().execute {
                hung.signal()
                go.wait()
            }
            try await onOwnThread { hung.wait() }
            return { go.signal() }
        })
    }

    private static let spillIsGone = Fault(
        description: "the directory of the spill is gone",
        check: nil
    ) {
        let home = try TemporaryDirectory()
        let place = home.path + "/spill"
        return Scene(
            configure: { settings in
                inDirectory(home)(&settings)
                settings.amnesia.enabled = false
                settings.spill.enabled = true
                settings.spill.path = place
            },
            harm: { _ in
                try FileManager.default.removeItem(atPath: place)
                return {
                    try FileManager.default.createDirectory(
                        atPath: place,
                        withIntermediateDirectories: true
                    )
                }
            }
        )
    }

    private static func inDirectory(
        _ home: TemporaryDirectory
    ) -> @Sendable (inout Settings) -> Void {
        { settings in
            settings.amnesia.enabled = false
            settings.database.path = home.path + "/index"
        }
    }
}

// The network, which comes back at the same ports with other ids.
extension Fault {
    private static let nodes = 40

    private final class NetworkBox: Sendable {
        private let state: Mutex<LoopbackNetwork>

        init(_ network: LoopbackNetwork) { state = Mutex(network) }

        var network: LoopbackNetwork {
            get { state.withLock { $0 } }
            set { state.withLock { $0 = newValue } }
        }
    }

    private static func startNetwork() async throws -> (LoopbackNetwork, firstPort: UInt16) {
        for _ in 0..<50 {
            let port = UInt16.random(in: 20_000..<60_000)
            if let network = try? await LoopbackNetwork.start(count: nodes, firstPort: port) {
                return (network, port)
            }
        }
        throw RawConnection.Failure.malformed("no free ports for a network")
    }
}

internal import Glibc
internal import Synchronization

/// File descriptors set aside for what ends the process, or fails, where it gets none.
///
/// Every second that work waits for its threads, libdispatch, which runs Swift's tasks, opens a
/// file under `/proc`, and ends the process where it cannot (`_dispatch_workq_monitor_pools` in its
/// `event/workqueue.c`). The store and a reload open files as well. Listeners would take whatever
/// is free, so that these are held from the start, given back once a descriptor was missing, and
/// taken again before a listener accepts more (the idea is that of the section "special problem of
/// accept()ing when you can't" in the manual of libev). They have the lowest numbers there are:
/// usable even where the limit of the running process is lowered below what it has open.
///
/// Listeners share one; nothing here waits.
final class DescriptorReserve: Sendable {
    /// libdispatch takes one at a time; the rest are for SQLite and a reload at that moment.
    static let size = 8

    private let system: System
    /// As many as `size`, or none.
    private let held = Mutex<[CInt]>([])

    /// Takes them at once where it can.
    init(system: System = .live) {
        self.system = system
        _ = take()
    }

    deinit { giveBack() }

    /// Whether they are held and somebody else could still open a file.
    ///
    /// Two system calls: for a timer, not for every connection.
    var isSafe: Bool {
        held.withLock { held in
            guard held.count == Self.size, let spare = system.open() else { return false }
            system.close(spare)
            return true
        }
    }

    /// Holds all of them, provided that one more can be opened.
    ///
    /// - Returns: whether they are held now; where they are not, none is.
    func take() -> Bool {
        held.withLock { held in
            guard held.isEmpty else { return true }
            while held.count <= Self.size, let descriptor = system.open() {
                held.append(descriptor)
            }
            let isEnough = held.count > Self.size
            let tooMany = isEnough ? held.suffix(1) : held[...]
            tooMany.forEach(system.close)
            held.removeLast(tooMany.count)
            return isEnough
        }
    }

    /// Leaves them to whoever opens a file next.
    func giveBack() {
        held.withLock { held in
            held.forEach(system.close)
            held.removeAll()
        }
    }
}

extension DescriptorReserve {
    /// How a descriptor is come by.
    struct System: Sendable {
        /// Nil where there is none left.
        let open: @Sendable () -> CInt?
        let close: @Sendable (CInt) -> Void

        static let live = System(
            open: {
                let descriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
                // Where there is no such file, -1 stands for it: that must not end all accepting.
                return descriptor >= 0 || !SystemError.isShortage(errno) ? descriptor : nil
            },
            close: { descriptor in _ = Glibc.close(descriptor) }
        )
    }
}

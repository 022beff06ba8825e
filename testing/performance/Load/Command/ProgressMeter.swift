import Foundation
import LoadEngine
import Synchronization

/// One line on standard error that says how far a run is; nothing where nobody watches.
struct ProgressMeter {
    private let run: LoadRun
    private let isTerminal = isatty(2) == 1

    init(_ run: LoadRun) { self.run = run }

    func show() {
        let start = run.state.start.load(ordering: .relaxed)
        guard isTerminal, start > 0 else { return }
        let now = DispatchTime.now().uptimeNanoseconds
        let elapsed = Double(now - min(now, start)) / 1e9
        let whole = Double(run.plan.warmUp + run.plan.duration) / 1e9
        let answers = run.state.answers.load(ordering: .relaxed)
        let refusals = run.state.refusals.load(ordering: .relaxed)
        let text = String(
            format: "%.0f of %.0f s, %d answers, %.0f a second, %d refused",
            min(elapsed, whole),
            whole,
            answers,
            Double(answers) / max(elapsed, 0.1),
            refusals
        )
        write("\r\u{1B}[K\(text)")
    }

    func clear() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

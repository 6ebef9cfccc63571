import Glibc
import Synchronization
import TensorEngine

/// A line on standard error that shows how far the work is; only where that is a terminal.
enum ProgressBar {
    private struct State {
        var isEnabled = isatty(Terminal.standardError) != 0 && HostSystem.variable("TERM").map { $0 != "dumb" } ?? false
        var isVisible = false
        var lastDrawn: ContinuousClock.Instant?
    }

    private static let state = Mutex(State())

    static var isEnabled: Bool { state.withLock { $0.isEnabled } }

    static func disable() { state.withLock { $0.isEnabled = false } }

    static func show(_ label: String, _ done: Int, of total: Int) {
        show("\(done)/\(total) \(label)", fraction: Double(done) / Double(max(total, 1)))
    }

    /// Draws at most some twenty times a second, and a finished bar never.
    static func show(_ text: String, fraction: Double) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard state.isEnabled, 0..<1 ~= fraction else { return }
            if state.isVisible, let last = state.lastDrawn, last.duration(to: now) < .milliseconds(50) { return }
            (state.isVisible, state.lastDrawn) = (true, now)
            let filled = Int(24 * fraction)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 24 - filled)
            draw("[\(bar)] \(text)")
        }
    }

    /// Work whose length nobody knows.
    /// - Parameter keepsEnd: which part of a text is shown that is too long for the line.
    static func show(_ label: String, keepsEnd: Bool = false) {
        state.withLock { state in
            guard state.isEnabled else { return }
            state.isVisible = true
            draw(label, keepsEnd: keepsEnd)
        }
    }

    static func clear() {
        state.withLock { state in
            guard state.isVisible else { return }
            state.isVisible = false
            draw("")
        }
    }

    private static func draw(_ text: String, keepsEnd: Bool = false) {
        var size = winsize()
        let columns = ioctl(Terminal.standardError, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
        // A line that wraps couldn't be taken back.
        let most = max(20, (columns > 0 ? columns : 80) - 1)
        let line = keepsEnd ? text.suffix(most) : text.prefix(most)
        try? Terminal.write("\r\u{1B}[K\(line)", to: Terminal.standardError, name: "standard error")
    }
}

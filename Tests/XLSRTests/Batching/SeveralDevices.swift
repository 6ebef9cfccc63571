import Backends
import Dispatch
import Synchronization
import TensorEngine
import XLSR

/// The bundled model on backends that share its work.
func demoModel(on backends: [any Backend]) throws -> XLSRModel {
    try XLSRModel(CheckpointFiles(Demo.memories(), path: "demo"), name: "demo", on: backends)
}

func oneThread() throws -> any Backend { try BackendRegistry.open(.simd, options: BackendOptions(threadCount: 1)) }

/// Two bundled recordings and parts of them, from 0.5 to 4 s: primitives alone are slow.
func demoClips() throws -> [AudioClip] {
    let recordings = try Demo.recordingNames.prefix(2).map { try Demo.recording(named: $0) }
    let parts = recordings.enumerated().map { index, clip in
        AudioClip(samples: Array(clip.samples.suffix(8000 * (index + 1))), sampleRate: clip.sampleRate)
    }
    return zip(recordings, parts).flatMap { [$0, $1] }
}

/// What several threads add to.
final class Log<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock(\.self) }

    @discardableResult func append(_ element: Element) -> Int {
        elements.withLock {
            $0.append(element)
            return $0.count
        }
    }
}

/// Something that one thread waits for and another one does; false when it didn't come.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }
    func wait() -> Bool { semaphore.wait(timeout: .now() + .seconds(20)) == .success }
}

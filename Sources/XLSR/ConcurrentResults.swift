import Dispatch
import Synchronization

extension Array where Element: Sendable {
    /// What becomes of each element, found on all cores.
    func concurrentResults<Output: Sendable>(
        _ body: @Sendable (Element) throws -> Output
    ) -> [Result<Output, any Error>] {
        let results = Mutex<[Int: Result<Output, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: count) { index in
            let result = Result { try body(self[index]) }
            results.withLock { $0[index] = result }
        }
        return results.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
    }
}

import CUDAShim
import Dispatch
import FakeCUDA
import GPUBackends
import Synchronization
import TensorEngine
import Testing

extension FakeCUDATests {
    /// What the host does about graphs: when it records, what it keeps and gives up, and how it goes on without.
    @Suite struct CUDAGraphTests {
        /// A layer of a model over a backend.
        private struct Layer {
            let backend: GPUBackend
            var region = CaptureRegion()
            let weight: PreparedWeight

            init(_ library: CUDALibrary, usesGraphs: Bool? = true) throws {
                backend = try GPUBackend(driver: openFakeCUDA(library), usesGraphs: usesGraphs)
                weight = try Tensor.filled(0.5, shape: [24, 8], on: backend).prepared(for: .linear)
            }

            /// How many kernels came to run, and how many graphs.
            func run(
                _ lengths: [Int], _ then: (Tensor) throws -> Void = { _ in }
            ) throws -> (kernels: Int64, graphs: Int64) {
                try backend.synchronize()
                let before = (fakeCUDAKernelCount(), fakeCUDAGraphCount())
                let rows = lengths.reduce(0, +)
                let x = try Tensor.uninitialized([rows, 8], on: backend)
                let results = try backend.captured(region, x, segments: Segments(lengths: lengths)) { x, segments in
                    let mixed = try x.linear(weight).attention(heads: 2, segments: segments)
                    try then(mixed)
                    return [mixed, try x.adding(mixed)]
                }
                #expect(results.map(\.shape) == [[rows, 8], [rows, 8]])
                try backend.synchronize()
                #expect(fakeMisuse() == nil)
                return (fakeCUDAKernelCount() - before.0, fakeCUDAGraphCount() - before.1)
            }
        }

        @Test func fromTheSecondTimeOnAllIsOneLaunchOfTheSameKernels() throws {
            let layer = try Layer(fakeCUDA())
            let runs = try (0..<4).map { _ in try layer.run([100]) }
            #expect(runs.map(\.graphs) == [0, 1, 1, 1])
            #expect(runs.allSatisfy { $0.kernels == 3 })
        }

        @Test func nearLengthsShareAGraphAndOthersDont() throws {
            do {
                let layer = try Layer(fakeCUDA())
                _ = try (layer.run([100]), layer.run([100]))
                #expect(try layer.run([65]).graphs == 1)
                #expect(try layer.run([128]).graphs == 1)
                #expect(try layer.run([129]).graphs == 0)
                #expect(try layer.run([60, 40]).graphs == 0)
                #expect(try layer.run([10, 90]).graphs == 1)
                // Of another region nothing is known, nor by another backend.
                var other = layer
                other.region = CaptureRegion()
                #expect(try other.run([100]).graphs == 0)
                #expect(try Layer(fakeCUDA()).run([100]).graphs == 0)
            }
            #expect(fakeCUDAObjectCount() == 0 && fakeMisuse() == nil, "\(fakeMisuse() ?? "")")
        }

        @Test func largeBatchesAreNotRecorded() throws {
            let layer = try Layer(fakeCUDA())
            for _ in 0..<3 { #expect(try layer.run([3000]).graphs == 0) }
        }

        @Test func withoutGraphsAllRunsOneByOne() throws {
            var functions = fakeCUDAFunctions()
            functions.cuGraphLaunch = nil
            _ = fakeCUDA()
            let old = try Layer(CUDALibrary(functions: functions, path: "fake"))
            for _ in 0..<3 { #expect(try old.run([100]) == (3, 0)) }
            let off = try Layer(fakeCUDA(), usesGraphs: false)
            for _ in 0..<3 { #expect(try off.run([100]) == (3, 0)) }
        }

        /// Each goes on one by one, and isn't tried again.
        @Test func whatNoGraphCanHoldRunsOneByOne() throws {
            let bodies: [(Layer, Tensor) throws -> Void] = [
                { _, mixed in _ = try mixed.hostArray() },
                { layer, _ in _ = try Tensor([1, 2], shape: [2], on: layer.backend) },
                { layer, _ in try layer.backend.synchronize() },
                { layer, mixed in
                    _ = try mixed.channelStatistics(segments: Segments(lengths: [mixed.shape[0]]))
                },
            ]
            for body in bodies {
                let layer = try Layer(fakeCUDA())
                let runs = try (0..<4).map { _ in try layer.run([100]) { try body(layer, $0) } }
                #expect(runs.allSatisfy { $0.graphs == 0 && $0.kernels == runs[0].kernels && $0.kernels >= 3 })
            }
        }

        @Test func aKernelThatHasNeverRunIsNotLoadedWhileRecording() throws {
            let layer = try Layer(fakeCUDA())
            var round = 0
            func then(_ mixed: Tensor) throws {
                round += 1
                if round == 2 { _ = try mixed.softmax() }
            }
            #expect(try layer.run([100], then).graphs == 0)
            #expect(try layer.run([100], then).graphs == 0)
        }

        @Test func cancellingARecordingLeavesTheKeyAsItWas() throws {
            let layer = try Layer(fakeCUDA())
            _ = try layer.run([100])
            #expect(throws: CancellationError.self) { try layer.run([100]) { _ in throw CancellationError() } }
            #expect(try layer.run([100]).graphs == 1)
        }

        /// The memory of a graph is nobody else's, until memory is short.
        @Test func graphsGiveUpTheirMemoryWhenThereIsNoOther() throws {
            let library = fakeCUDA { $0.memoryByteCount = 1 << 20 }
            let layer = try Layer(library)
            let pool = layer.backend.pool
            let before = pool.statistics.usedByteCount
            _ = try layer.run([1000])
            pool.trim()
            #expect(pool.statistics.usedByteCount < before + 20_000, "nothing but tables")
            _ = try layer.run([1000])
            let held = pool.statistics.usedByteCount - before
            #expect(held > 190_000)
            // More than is left beside the graph.
            var large: Storage? = try pool.allocate(byteCount: (1 << 20) - 200_000)
            #expect(pool.statistics.usedByteCount < before + 880_000)
            #expect(large != nil)
            large = nil
            #expect(try layer.run([1000]).graphs == 0)
            #expect(try layer.run([1000]).graphs == 1)
        }

        @Test func anyNumberOfLengthsTakesBoundedMemory() throws {
            let library = fakeCUDA()
            let layer = try Layer(library)
            var used: [Int] = []
            for _ in 0..<3 {
                for count in 1...40 {
                    for _ in 0..<2 { _ = try layer.run(Array(repeating: 10, count: count)) }
                }
                used.append(layer.backend.pool.statistics.usedByteCount)
            }
            #expect(used[1] == used[0] && used[2] == used[0])
        }

        @Test func everyCallMayFailWhileGraphsAreMadeAndRun() throws {
            for status in [cudaOutOfMemory, cudaCaptureInvalidated] {
                let fake = FakeLibrary(
                    make: { call in
                        fakeCUDA {
                            $0.failingCall = call
                            $0.status = status.rawValue
                        }
                    }, liveObjectCount: \.liveObjectCount, callCount: fakeCUDACallCount,
                    objectCount: fakeCUDAObjectCount, failedCall: { fakeCUDAFailedCall().map { String(cString: $0) } })
                let outcome = try fake.failEveryCall { library in
                    let layer = try Layer(library)
                    for _ in 0..<3 { _ = try layer.run([70]) }
                    for _ in 0..<3 { _ = try layer.run([30, 20]) }
                }
                #expect(outcome.errors.count > 10)
                #expect(fakeMisuse() == nil)
            }
        }

        @Test func threadsRecordAndRunAtOnce() throws {
            let library = fakeCUDA()
            do {
                let layer = try Layer(library)
                @Sendable func run(_ lengths: [Int]) throws {
                    let x = try Tensor.filled(1, shape: [lengths[0], 8], on: layer.backend)
                    _ = try layer.backend.captured(layer.region, x, segments: Segments(lengths: lengths)) {
                        [try $0.linear(layer.weight).attention(heads: 2, segments: $1)]
                    }
                }
                let failures = Mutex<[any Error]>([])
                DispatchQueue.concurrentPerform(iterations: 4) { _ in
                    do {
                        for length in 0..<30 { try run([60 + length % 3 * 64]) }
                    } catch {
                        failures.withLock { $0.append(error) }
                    }
                }
                let thrown = failures.withLock { $0 }
                #expect(thrown.isEmpty)
                // How many found a graph depends on who came when; afterwards there is one for each length.
                let before = fakeCUDAGraphCount()
                for length in 0..<3 { try run([60 + length * 64]) }
                #expect(fakeCUDAGraphCount() == before + 3)
            }
            #expect(library.liveObjectCount == 0 && fakeCUDAObjectCount() == 0 && fakeMisuse() == nil)
        }
    }
}

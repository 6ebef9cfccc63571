import Testing
import XLSR

@Suite struct BatchWindowTests {
    /// Clips from 1 to 30 s, one chunk each.
    private let lengths: [Double] = {
        var state: UInt64 = 7
        return (0..<2000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 1 + Double(state >> 33) / Double(1 << 31) * 29
        }
    }()

    private func chunk(_ index: Int, _ seconds: Double, number: Int = 0) -> ChunkInput {
        ChunkInput(index: index, number: number, input: InputValues([]), frames: 0..<1, seconds: seconds, end: seconds)
    }

    /// All batches, and the most audio that waited.
    private func batches(_ chunks: [ChunkInput], _ batchSeconds: Double) -> (batches: [[ChunkInput]], most: Double) {
        var window = BatchWindow(batchSeconds: batchSeconds)
        var (batches, most): ([[ChunkInput]], Double) = ([], 0)
        for chunk in chunks {
            window.append(chunk)
            most = max(most, window.seconds)
            while window.hasBatch(isFlushing: false) { batches.append(window.next()) }
        }
        while window.hasBatch(isFlushing: true) { batches.append(window.next()) }
        #expect(window.seconds == 0)
        return (batches, most)
    }

    @Test(arguments: [0, 10, 30, 120.0])
    func everyChunkIsInOneBatchAndNoBatchIsTooLong(batchSeconds: Double) {
        let chunks = lengths.enumerated().map { chunk($0, $1) }
        let (batches, most) = batches(chunks, batchSeconds)
        #expect(batches.flatMap { $0.map(\.index) }.sorted() == Array(lengths.indices))
        for batch in batches where batch.count > 1 {
            #expect(batch.reduce(0) { $0 + $1.seconds } <= batchSeconds + 1e-9)
        }
        #expect(most <= 8 * batchSeconds + 30)
        if batchSeconds == 0 { #expect(batches.map { $0[0].index } == Array(lengths.indices)) }
    }

    @Test func theOldestChunkIsAlwaysTheNext() {
        var seen: Set<Int> = []
        for batch in batches(lengths.enumerated().map { chunk($0, $1) }, 60).batches {
            let oldest = lengths.indices.first { !seen.contains($0) }
            #expect(batch.contains { $0.index == oldest })
            #expect(batch.map(\.seconds) == batch.map(\.seconds).sorted(by: >))
            seen.formUnion(batch.map(\.index))
        }
    }

    @Test(arguments: [30, 120.0])
    func batchesAreFewerAndMoreAlikeThanInTheOrderOfTheInputs(batchSeconds: Double) {
        var inOrder: [[Double]] = [[]]
        for length in lengths {
            if (inOrder.last ?? []).reduce(length, +) > batchSeconds { inOrder.append([]) }
            inOrder[inOrder.count - 1].append(length)
        }
        let packed = batches(lengths.enumerated().map { chunk($0, $1) }, batchSeconds).batches
        #expect(Double(packed.count) < 0.95 * Double(inOrder.count))
        let longest = { (batches: [[Double]]) in batches.reduce(0) { $0 + ($1.max() ?? 0) } }
        #expect(longest(packed.map { $0.map(\.seconds) }) < 0.95 * longest(inOrder))
    }

    @Test func littleIsComputedAheadOfALongFile() throws {
        // An hour in chunks that leave room beside them, then short clips without end.
        let long = (0..<200).map { chunk(0, 18, number: $0) }
        let all = long + (1..<2000).map { chunk($0, 4) }
        var window = BatchWindow(batchSeconds: 30)
        var rest = all[...]
        var (ahead, longLeft) = (0.0, long.count)
        while longLeft > 0 {
            while !window.hasBatch(isFlushing: rest.isEmpty), let next = rest.popFirst() { window.append(next) }
            let batch = window.next()
            longLeft -= batch.count { $0.index == 0 }
            ahead += batch.filter { $0.index > 0 }.reduce(0) { $0 + $1.seconds }
        }
        #expect(0 < ahead && ahead <= window.aheadLimit)
    }

    @Test func theLastBatchesAreEvenOnesForAllDevices() {
        for (count, deviceCount, expected) in [(6, 2, 2), (6, 1, 1), (14, 2, 2), (20, 2, 4), (4, 3, 4), (1, 3, 1)] {
            var window = BatchWindow(batchSeconds: 30)
            for index in 0..<count { window.append(chunk(index, 4)) }
            let share = window.share(among: deviceCount)
            var batches: [[ChunkInput]] = []
            while window.hasBatch(isFlushing: true) { batches.append(window.next(share: share)) }
            #expect(batches.count == expected, "\(count) chunks on \(deviceCount) devices")
        }
    }

    @Test func anUtteranceThatFailedLeavesNothingBehind() {
        var window = BatchWindow(batchSeconds: 10)
        for index in [0, 0, 1, 0] { window.append(chunk(index, 4)) }
        window.remove(utterance: 0)
        #expect(window.seconds == 4 && window.next().map(\.index) == [1])
        #expect(!window.hasBatch(isFlushing: true) && window.next().isEmpty)
    }
}

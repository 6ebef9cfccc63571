import Backends
import Conformance
import TensorEngine
import Testing
import XLSR

/// The convolutional front-end in tiles.
@Suite struct FrontEndTests {
    /// Layer norm and group norm with XLS-R's kernels, and one whose kernels are no longer than their strides.
    static let variants = ["layer-stable", "group-post", "do-normalize-false"]

    private static func utterances(_ lengths: [Int]) -> [InputValues] {
        var random = RandomSource(seed: 7)
        return lengths.map { InputValues(random.floats($0, offset: 0.25)) }
    }

    /// A model's front-end, whose tiles are the shortest that there are.
    private static func tiled(_ model: XLSRModel) -> (frontEnd: FeatureExtractor, tileSampleCount: Int) {
        var frontEnd = model.frontEnd
        frontEnd.tileByteCount = 1
        let (field, hop) = (model.configuration.receptiveField, model.configuration.hop)
        return (frontEnd, 8 * (field / hop + 1) * hop)
    }

    @Test(arguments: variants, GoldenDevices.all)
    func tilesGiveWhatOnePieceGives(variant: String, device: GoldenDevice) throws {
        let model = try Golden(variant).model(on: device.backend)
        let (frontEnd, tile) = Self.tiled(model)
        let (hop, field) = (model.configuration.hop, model.configuration.receptiveField)
        let odd = [
            tile - 1, tile, 1, tile + 1, tile - hop - 1, hop + 1, field, field - 1, 2 * tile + field, 3 * tile + 77,
        ]
        for lengths in [odd, [3 * tile], [3 * tile - 1], [3 * tile + 1], [tile + hop], [1]] {
            let utterances = Self.utterances(lengths)
            let whole = try model.frontEnd(utterances, on: device.backend, taps: nil)
            let tiles = try frontEnd(utterances, on: device.backend, taps: nil)
            #expect(tiles.segments == whole.segments)
            #expect(tiles.segments.lengths == lengths.map { model.configuration.frameCount(samples: $0) })
            let (expected, actual) = (try whole.frames.floats(), try tiles.frames.floats())
            #expect(largestDifference(actual, expected) <= 1e-5 * largest(expected), "\(lengths) on \(device)")
            if variant == "layer-stable", device.backend.device == .simd { #expect(actual == expected) }
        }
    }

    @Test func productsDependOnTheRowsOfTheBatchAlone() throws {
        for variant in Self.variants {
            let backend = try BackendRegistry.open(.simd)
            let model = try Golden(variant).model(on: backend)
            let (frontEnd, tile) = Self.tiled(model)
            func productCount(_ frontEnd: FeatureExtractor, _ lengths: [Int]) throws -> Int {
                backend.counters.reset()
                _ = try frontEnd(Self.utterances(lengths), on: backend, taps: nil)
                return backend.counters[.products]
            }
            let one = try productCount(frontEnd, [4 * tile])
            // Group norm goes through the first layer twice.
            let layers = model.configuration.convolutions.count
            #expect(one == 4 * (model.configuration.frontEndNorm == .group ? layers + 1 : layers))
            #expect(try productCount(frontEnd, [Int](repeating: tile / 2, count: 8)) == one)
            #expect(try productCount(model.frontEnd, [4 * tile]) == layers)
        }
    }

    @Test func memoryIsThatOfATile() throws {
        for variant in Self.variants {
            let backend = try BackendRegistry.open(.simd)
            let model = try Golden(variant).model(on: backend)
            let (frontEnd, tile) = Self.tiled(model)
            func peak(_ frontEnd: FeatureExtractor, tiles: Int) throws -> Int {
                let utterances = Self.utterances([tiles * tile])
                let before = backend.pool.statistics.usedByteCount
                backend.pool.resetPeak()
                _ = try frontEnd(utterances, on: backend, taps: nil)
                return backend.pool.statistics.peakByteCount - before
            }
            let channels = model.configuration.convolutions.last?.channels ?? 0
            let frameByteCount = 40 * tile / model.configuration.hop * channels * 4
            // Beside a tile there are only the frames: parts, joined, and without those that see padding.
            let growth = try peak(frontEnd, tiles: 80) - peak(frontEnd, tiles: 40)
            #expect(growth < 4 * frameByteCount, "\(variant)")
            let growthOfOnePiece = try peak(model.frontEnd, tiles: 80) - peak(model.frontEnd, tiles: 40)
            #expect(growthOfOnePiece > 2 * growth, "\(variant)")
        }
    }

    @Test func tapsGetWholeLayers() throws {
        let backend = try BackendRegistry.open(.simd)
        let model = try Golden("group-post").model(on: backend)
        let (frontEnd, tile) = Self.tiled(model)
        let lengths = [3 * tile + 5, tile - 1]
        let taps = Taps()
        _ = try frontEnd(Self.utterances(lengths), on: backend, taps: taps)
        #expect(taps.records.count == model.configuration.convolutions.count)
        for (layer, record) in taps.records.enumerated() {
            #expect(
                record.segments.lengths
                    == lengths.map { model.configuration.frameCount(samples: $0, layers: layer + 1) })
        }
    }

    @Test(arguments: variants)
    func normalizedOverTheFileTheChunksHaveTheFramesOfTheWhole(variant: String) throws {
        let model = try Golden(variant).model(on: try BackendRegistry.open(.simd))
        let (rate, hop) = (model.featureExtractor.sampleRate, model.configuration.hop)
        var random = RandomSource(seed: 3)
        // Ever louder, so that each part by itself has other statistics.
        let samples = (0..<100 * hop + 33).map { random.float(scale: 0.1 + Float($0) / 8000, offset: 0.1) }
        func frames(_ chunking: Chunking) throws -> [Float] {
            var parts: [[Float]] = []
            let run = ChunkedRun(model, chunking, batchSeconds: Double(60 * hop) / Double(rate)) { model, chunks in
                try model.tensors(named: ["extract_features"], of: chunks)
            } finished: { outcome in
                parts = try outcome.pieces.get().map { $0[0].array.floats() }
            }
            try run.add(AudioClip(samples: samples, sampleRate: rate), index: 0)
            try run.finish()
            return parts.flatMap(\.self)
        }
        func chunking(_ normalization: Chunking.Normalization, _ split: Chunking.Split = .fixed) -> Chunking {
            Chunking(
                seconds: Double(24 * hop) / Double(rate), strideSeconds: Double(4 * hop) / Double(rate),
                normalization: normalization, split: split)
        }
        let whole = try frames(.none)
        let channels = model.configuration.convolutions.last?.channels ?? 0
        #expect(whole.count == model.configuration.frameCount(samples: samples.count) * channels)
        for split in Chunking.Split.allCases {
            let file = try frames(chunking(.file, split))
            #expect(largestDifference(file, whole) <= 1e-5 * largest(whole))
        }
        #expect(largestDifference(try frames(chunking(.utterance)), whole) > 0.01 * largest(whole))
    }
}

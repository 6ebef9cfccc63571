import Testing
import XLSR

@Suite struct ChunkingTests {
    private let configuration: Configuration

    /// XLS-R's convolutions: a frame every 320 samples, which sees 400.
    init() throws {
        configuration = try XLSRModel.configuration(CheckpointFiles(Demo.memories(), path: "demo"))
        try #require(configuration.hop == 320 && configuration.receptiveField == 400)
    }

    private func chunks(_ sampleCount: Int, _ chunking: Chunking = .automatic) throws -> [Chunk] {
        try chunking.chunks(sampleCount: sampleCount, sampleRate: 16_000, configuration)
    }

    @Test func aMinuteIsOneWindowAndAboveThereAreChunks() throws {
        #expect(try chunks(960_000) == [Chunk(samples: 0..<960_000, frames: 0..<2999)])
        #expect(
            try chunks(960_001) == [
                Chunk(samples: 0..<480_000, frames: 0..<1250),
                Chunk(samples: 320_000..<800_000, frames: 250..<1250),
                Chunk(samples: 640_000..<960_001, frames: 250..<999),
            ])
        #expect(try chunks(57_600_000).count == 180, "an hour")
        #expect(try chunks(57_600_000, .none).map(\.samples) == [0..<57_600_000])
    }

    @Test(arguments: [960_001, 960_079, 960_160, 1_000_480, 1_119_999, 1_120_000, 1_120_001, 57_600_123])
    func theFramesThatCountAreTheWholeFilesFrames(sampleCount: Int) throws {
        for chunking in [Chunking.automatic, Chunking(seconds: 3.3, strideSeconds: 1.6), Chunking(seconds: 1)] {
            var next = 0
            for chunk in try chunks(sampleCount, chunking) {
                #expect(chunk.samples.lowerBound / 320 + chunk.frames.lowerBound == next)
                #expect(chunk.frames.upperBound <= configuration.frameCount(samples: chunk.samples.count))
                next += chunk.frames.count
            }
            #expect(next == configuration.frameCount(samples: sampleCount))
        }
    }

    /// The pipeline drops a last frame that begins within half a step of the end, which XLS-R doesn't have.
    @Test func normalizedOverTheFileNoFrameIsLost() throws {
        let bytes = try #require(try CheckpointFiles(Demo.memories(), path: "demo").contents(of: "config.json"))
        var fields = try #require(try JSON(parsing: bytes, path: "demo").object)
        fields["conv_kernel"] = .array(Array(repeating: .int(1), count: 7))
        let configuration = try Configuration(fields: fields, path: "demo")
        try #require(configuration.hop == 320 && configuration.receptiveField == 1)
        for sampleCount in [160_001, 160_100, 160_161, 160_319, 160_320] {
            func frameCount(_ normalization: Chunking.Normalization) throws -> Int {
                try Chunking(seconds: 1, normalization: normalization)
                    .chunks(sampleCount: sampleCount, sampleRate: 16_000, configuration).reduce(0) {
                        $0 + $1.frames.count
                    }
            }
            #expect(try frameCount(.file) == configuration.frameCount(samples: sampleCount))
            #expect(try frameCount(.utterance) == (sampleCount + 159) / 320)
        }
    }

    @Test func theLastChunkIsNeverOnlyAStride() throws {
        // 480 000 would end a chunk; one sample more begins another, and a stride on each side of what is new.
        let chunking = Chunking(seconds: 30)
        #expect(try chunks(480_000, chunking) == [Chunk(samples: 0..<480_000, frames: 0..<1499)])
        #expect(
            try chunks(480_001, chunking) == [
                Chunk(samples: 0..<480_000, frames: 0..<1250), Chunk(samples: 320_000..<480_001, frames: 250..<499),
            ])
    }

    @Test func aRestShorterThanAFrameIsDropped() throws {
        let chunking = Chunking(seconds: 1, strideSeconds: 0)
        #expect(try chunks(16_399, chunking) == [Chunk(samples: 0..<16_000, frames: 0..<49)])
        #expect(try chunks(16_400, chunking).map(\.frames) == [0..<49, 0..<1])
        #expect(try chunks(400, chunking) == [Chunk(samples: 0..<400, frames: 0..<1)])
    }

    @Test func sizesAreRoundedToWholeFramesAndTiesToEven() throws {
        func sizes(_ seconds: Double, _ strideSeconds: Double? = nil) throws -> [Int] {
            let sizes = try Chunking(seconds: seconds, strideSeconds: strideSeconds).sizes(
                sampleRate: 16_000, configuration)
            return [sizes.chunk / 320, sizes.stride / 320]
        }
        #expect(try sizes(30) == [1500, 250])
        #expect(try sizes(4) == [200, 33])
        #expect(try sizes(1.01, 0.01) == [50, 0])
        #expect(try sizes(1.03, 0.03) == [52, 2])
    }

    @Test(arguments: [
        (1, 0.5), (30, 15), (30, 1000), (0, 0), (0.01, 0), (0.02, 0), (-1, 0), (1, -1), (.nan, 0), (.infinity, 0),
        (1e300, 1),
    ])
    func aChunkMustBeLongerThanItsStrides(seconds: Double, strideSeconds: Double) throws {
        let chunking = Chunking(seconds: seconds, strideSeconds: strideSeconds)
        #expect(throws: UsageError.self) { try chunks(1_000_000, chunking) }
    }
}

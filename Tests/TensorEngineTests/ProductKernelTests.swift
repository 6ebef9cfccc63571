import CPUBackends
import SIMDKernelTable
import Testing

/// How a product is cut to fit a machine's caches.
@Suite struct ProductKernelTests {
    private func kernel(
        _ set: Processor.InstructionSet, _ type: PanelType, firstLevel: Int, secondLevel: Int
    ) -> ProductKernel {
        let caches = Processor.Caches(firstLevel: firstLevel << 10, secondLevel: secondLevel << 10)
        return ProductKernel(Processor.kernels(for: set), type, rows: 499, depth: 1024, caches: caches)
    }

    private func block(
        _ set: Processor.InstructionSet, _ type: PanelType, firstLevel: Int, secondLevel: Int
    ) -> [Int] {
        let kernel = kernel(set, type, firstLevel: firstLevel, secondLevel: secondLevel)
        return [kernel.tileRows * kernel.mostRowTiles(depth: kernel.mostDepth), kernel.mostDepth]
    }

    #if arch(x86_64)
        @Test func blocksAreThoseThatWereMeasured() {
            #expect(block(.avx512, .float32, firstLevel: 48, secondLevel: 1024) == [126, 1024])
            #expect(block(.avx512bf16, .bfloat16, firstLevel: 48, secondLevel: 1024) == [126, 2048])
            #expect(block(.avx512bf16, .int8, firstLevel: 48, secondLevel: 1024) == [252, 2048])
        }

        @Test func aBlockOfShortsHasPartsThatAddUpWithin32Bits() {
            for secondLevel in [64, 128, 200, 256, 384, 512, 768, 1024, 1280, 2048, 16384] {
                for set in [Processor.InstructionSet.avx2, .avxvnni, .avx512vnni] {
                    let depth = block(set, .int16, firstLevel: 32, secondLevel: secondLevel)[1]
                    #expect(depth > 0 && ProductTask.shortDepth % depth == 0)
                }
            }
        }

        @Test func aPanelsPartFitsTheFirstLevelAndABlockTheSecond() {
            for (firstLevel, secondLevel) in [(16, 128), (32, 256), (32, 512), (48, 1280), (48, 2048), (64, 16384)] {
                for (type, byteSize) in [(PanelType.bfloat16, 2), (.int8, 1), (.float32, 6)] {
                    let kernel = kernel(.amx, type, firstLevel: firstLevel, secondLevel: secondLevel)
                    let rows = kernel.tileRows * kernel.mostRowTiles(depth: kernel.mostDepth)
                    #expect(type.tileByteSize == byteSize && rows % 32 == 0)
                    for (depth, byteCount) in [
                        (kernel.mostPartDepth * 32, firstLevel << 10), (kernel.mostDepth * rows, secondLevel << 9),
                    ] { #expect(depth % (32 * type.tileDepth) == 0 && depth * byteSize <= byteCount) }
                }
            }
        }
    #endif
}

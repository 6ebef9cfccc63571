import TensorEngine

/// The sizes that kernels are compiled with, which follow from what the device is.
package struct KernelShape: Sendable, Hashable {
    /// The shape of products and attention.
    enum Product: Sendable, Hashable {
        /// Groups of threads that share local memory: `rows` × `columns` of the result a group, and a thread.
        case tiled(rows: Int, columns: Int, depth: Int, threadRows: Int, threadColumns: Int)
        /// One thread a group, on vectors: tiles of so many rows in registers, `blockTiles` of them at a time.
        case wide(tileRows: Int, blockTiles: Int, blockDepth: Int)
    }

    /// How many float32 a thread handles at a time in element-wise and row kernels.
    let lanes: Int
    /// Threads of a group in element-wise and row kernels; a power of two.
    let groupSize: Int
    let product: Product
    let localMemoryByteCount: Int
    /// Whether products with weights of 16 or 8 bits, and attention beside them, run on tensor cores.
    package private(set) var usesTensorCores = false
    /// Whether products do so by warpgroups.
    package private(set) var usesWarpgroups = false

    /// Columns of a panel of a packed weight.
    var panel: Int { 2 * lanes }

    /// The two families of shapes.
    package enum Family: String, CaseIterable, Sendable {
        /// For devices whose threads share memory.
        case tiled
        /// For processors.
        case wide
    }
}

extension KernelShape {
    /// The shape that suits a device, or the family's that is asked for.
    ///
    /// - Parameter usesTensorCores: where there are some; nil: as `XLSR_TENSOR_CORES` says, whose `warps` leaves out
    ///   warpgroups.
    package init(_ properties: GPUProperties, family: Family? = nil, usesTensorCores: Bool? = nil) {
        let (natural, lanes): (Family, Int) =
            switch properties.kind {
            case .gpu: (.tiled, 4)
            case .cpu(let lanes): (.wide, lanes)
            }
        switch family ?? natural {
        case .wide: self = .wide(lanes: lanes, localMemoryByteCount: properties.localMemoryByteCount)
        case .tiled:
            self = .tiled(
                largestGroupSize: properties.largestGroupSize, localMemoryByteCount: properties.localMemoryByteCount)
            let wanted = HostSystem.variable("XLSR_TENSOR_CORES")
            self.usesTensorCores = properties.hasTensorCores && usesTensorCores ?? ["1", "warps"].contains(wanted)
            usesWarpgroups = self.usesTensorCores && properties.hasWarpgroupProducts && wanted != "warps"
        }
    }

    /// For devices whose threads share memory. Group sizes are powers of two.
    private static func tiled(largestGroupSize: Int, localMemoryByteCount: Int) -> KernelShape {
        // Small groups are for devices that have no larger ones.
        let product: Product =
            largestGroupSize >= 256
            ? .tiled(rows: 64, columns: 64, depth: 16, threadRows: 4, threadColumns: 4)
            : .tiled(rows: 32, columns: 32, depth: 16, threadRows: 4, threadColumns: 4)
        let groupSize = [256, 128, 64, 32, 16, 8, 4, 2].first { $0 <= largestGroupSize } ?? 1
        return KernelShape(
            lanes: 1, groupSize: groupSize, product: product, localMemoryByteCount: localMemoryByteCount)
    }

    /// For processors with vectors of so many float32. As many rows as the registers hold two vectors of, beside a row
    /// of the right side: 6 of 16 registers, 14 of 32. The block of the left side takes a third of the local memory at
    /// most, which is a core's second-level cache.
    private static func wide(lanes: Int, localMemoryByteCount: Int) -> KernelShape {
        let lanes = lanes >= 16 ? 16 : lanes >= 8 ? 8 : 4
        let tileRows = lanes == 16 ? 14 : 6
        let blockDepth = localMemoryByteCount >= 256 << 10 ? (lanes == 16 ? 512 : 256) : 128
        let tileByteCount = tileRows * (blockDepth + 16) * MemoryLayout<Float>.size
        return KernelShape(
            lanes: lanes, groupSize: 1,
            product: .wide(
                tileRows: tileRows, blockTiles: max(1, min(24, localMemoryByteCount / 3 / tileByteCount)),
                blockDepth: blockDepth),
            localMemoryByteCount: localMemoryByteCount)
    }
}

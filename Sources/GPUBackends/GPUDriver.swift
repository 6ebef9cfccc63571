import TensorEngine

/// What tells the members of the GPU family apart: memory, order and launches of one device.
///
/// A driver is one in-order queue. Its calls are safe from any thread; launches run in the order in which they were
/// made. A failure of the device itself may surface at a later call: `download` and `synchronize` throw it.
/// All calls throw `TensorError`, of kind `outOfMemory` where giving memory back and trying again may help.
package protocol GPUDriver: BlockAllocator {
    var device: Device { get }
    var properties: GPUProperties { get }
    /// Copies host bytes to the start of a block; the source may change when the call returns.
    func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) throws
    /// Waits for all work before it, and copies from the start of a block.
    func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) throws
    /// Copies from the start of a block to an offset in another.
    func copy(
        _ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int) throws
    /// Enqueues a kernel, compiling its program when it is used for the first time.
    func launch(_ kernel: GPUKernel, _ size: LaunchSize, _ arguments: [KernelArgument]) throws
    func synchronize() throws
    /// Compiles what isn't kept of some programs, at the same time. What fails is compiled again, and fails, when it is
    /// used.
    func compileAhead(_ programs: [GPUProgram])
    /// Whether `record` works.
    var recordsGraphs: Bool { get }
    /// Records the launches and copies within the device that the body asks for on this thread, in place of doing them.
    /// Programs must have been used before.
    func record(_ body: () throws -> Void) throws -> any GPUGraph
    /// The vendor's library of products, for people; nil without one.
    var productLibrary: String? { get }
    /// Why there is none although one was wanted, for people.
    var productLibraryProblem: String? { get }
    /// Whether it rounds the factors of products of float32 to TF32.
    var usesTF32: Bool { get }
    /// What the library needs for a product; nil when it doesn't take it.
    func workspaceByteCount(for product: LibraryProduct) throws -> Int?
    /// Enqueues a product by the library.
    /// - Returns: whether it took it.
    func multiply(_ product: LibraryProduct, _ operands: LibraryOperands) throws -> Bool
}

/// Launches and copies that were recorded, with the addresses of then.
package protocol GPUGraph: Sendable {
    /// Enqueues them all at once.
    func launch() throws
}

extension GPUDriver {
    package var recordsGraphs: Bool { false }
    package func compileAhead(_ programs: [GPUProgram]) {}

    package func record(_ body: () throws -> Void) throws -> any GPUGraph {
        throw TensorError(.unsupported, operation: "record", "this device has no graphs", device: device)
    }

    package var productLibrary: String? { nil }
    package var productLibraryProblem: String? { nil }
    package var usesTF32: Bool { false }
    package func workspaceByteCount(for product: LibraryProduct) throws -> Int? { nil }
    package func multiply(_ product: LibraryProduct, _ operands: LibraryOperands) throws -> Bool { false }
}

/// What a device says of itself.
package struct GPUProperties: Sendable {
    /// What the kernels' shapes are chosen by.
    package enum Kind: Sendable, Hashable {
        /// Many threads in groups that share memory.
        case gpu
        /// A processor with vectors of so many float32.
        case cpu(lanes: Int)
    }

    package var kind: Kind
    package var name: String
    package var vendor: String
    package var driverVersion: String
    package var platform: String
    /// The extensions that make a difference to us.
    package var extensions: [String]
    package var computeUnitCount: Int
    package var memoryByteCount: Int
    package var largestBlockByteCount: Int
    package var localMemoryByteCount: Int
    package var largestGroupSize: Int
    /// Whether the instructions of Kernels/CUDA/TensorCore.cu are there.
    package var hasTensorCores: Bool
    /// Whether those of Kernels/CUDA/Warpgroup.cu are there too.
    package var hasWarpgroupProducts = false

    package init(
        kind: Kind, name: String, vendor: String, driverVersion: String, platform: String, extensions: [String],
        computeUnitCount: Int, memoryByteCount: Int, largestBlockByteCount: Int, localMemoryByteCount: Int,
        largestGroupSize: Int, hasTensorCores: Bool = false
    ) {
        self.kind = kind
        self.name = name
        self.vendor = vendor
        self.driverVersion = driverVersion
        self.platform = platform
        self.extensions = extensions
        self.computeUnitCount = computeUnitCount
        self.memoryByteCount = memoryByteCount
        self.largestBlockByteCount = largestBlockByteCount
        self.localMemoryByteCount = localMemoryByteCount
        self.largestGroupSize = largestGroupSize
        self.hasTensorCores = hasTensorCores
    }
}

/// A program text and what it is compiled with.
package struct GPUProgram: Hashable, Sendable {
    package var source: KernelSource
    /// Names and values of macros, in a fixed order.
    package var definitions: [KernelDefinition]
    /// Memory that a group shares beyond what the text declares.
    package var sharedByteCount: Int

    package init(
        _ source: KernelSource, _ definitions: KeyValuePairs<String, Int> = [:], sharedByteCount: Int = 0
    ) {
        self.source = source
        self.definitions = definitions.map(KernelDefinition.init)
        self.sharedByteCount = sharedByteCount
    }
}

package struct KernelDefinition: Hashable, Sendable {
    package var name: String
    package var value: Int

    package init(name: String, value: Int) {
        self.name = name
        self.value = value
    }
}

package struct GPUKernel: Hashable, Sendable {
    package var program: GPUProgram
    package var name: String

    package init(program: GPUProgram, name: String) {
        self.program = program
        self.name = name
    }
}

/// How many groups of how many threads, by axis.
package struct LaunchSize: Sendable {
    package var groups: (x: Int, y: Int, z: Int)
    package var threads: (x: Int, y: Int, z: Int)

    package init(groups: (x: Int, y: Int, z: Int), threads: (x: Int, y: Int, z: Int) = (1, 1, 1)) {
        self.groups = groups
        self.threads = threads
    }
}

package enum KernelArgument: Sendable {
    /// nil is a null pointer. The storage lives until the call returns; the queue's order protects its memory then.
    case buffer(Storage?)
    /// `int`
    case int(Int32)
    /// `long`
    case long(Int64)
    case float(Float)
}

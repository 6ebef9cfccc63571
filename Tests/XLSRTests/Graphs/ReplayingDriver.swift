import GPUBackends
import Synchronization
import TensorEngine

/// OpenCL with graphs: it notes launches and copies with the addresses of then, and does them again when asked to. With
/// a product library if wanted, whose products the host computes.
final class ReplayingDriver: GPUDriver {
    fileprivate enum Command: Sendable {
        case launch(GPUKernel, LaunchSize, [Argument])
        case copy(source: UInt, byteCount: Int, target: UInt, offset: Int)
        case product(HostProduct)
    }

    /// What a launch was given: an address in place of a storage, which the graph alone must keep.
    fileprivate enum Argument: Sendable {
        case address(UInt)
        case number(KernelArgument)
    }

    fileprivate final class Record: GPUGraph {
        let commands = Mutex<[Command]>([])
        private let driver: ReplayingDriver

        init(_ driver: ReplayingDriver) {
            self.driver = driver
        }

        func launch() throws { try driver.run(commands.withLock { $0 }) }
    }

    @TaskLocal private static var record: Record?

    private let base: OpenCLDriver
    private let counts = Mutex((launches: 0, graphs: 0))

    var device: Device { base.device }
    var properties: GPUProperties { base.properties }
    let recordsGraphs = true
    let productLibrary: String?
    /// Kernels and copies that were asked for one by one, and graphs that ran.
    var launchCount: Int { counts.withLock(\.launches) }
    var graphCount: Int { counts.withLock(\.graphs) }

    init(_ base: OpenCLDriver, hasLibrary: Bool = false) {
        self.base = base
        productLibrary = hasLibrary ? "the host" : nil
    }

    func workspaceByteCount(for product: LibraryProduct) -> Int? { productLibrary.map { _ in 0 } }

    func multiply(_ product: LibraryProduct, _ operands: LibraryOperands) throws -> Bool {
        let product = HostProduct(product, operands)
        if let record = Self.record {
            record.commands.withLock { $0.append(.product(product)) }
        } else {
            counts.withLock { $0.launches += 1 }
            try product.compute(on: base)
        }
        return true
    }

    func record(_ body: () throws -> Void) throws -> any GPUGraph {
        let record = Record(self)
        try Self.$record.withValue(record) { try body() }
        return record
    }

    func launch(_ kernel: GPUKernel, _ size: LaunchSize, _ arguments: [KernelArgument]) throws {
        guard let record = Self.record else {
            counts.withLock { $0.launches += 1 }
            return try base.launch(kernel, size, arguments)
        }
        let noted = arguments.map { argument -> Argument in
            guard case .buffer(let storage?) = argument else { return .number(argument) }
            return .address(UInt(bitPattern: storage.address))
        }
        record.commands.withLock { $0.append(.launch(kernel, size, noted)) }
    }

    func copy(
        _ source: UnsafeMutableRawPointer, byteCount: Int, to target: UnsafeMutableRawPointer, offset: Int
    ) throws {
        guard let record = Self.record else {
            return try base.copy(source, byteCount: byteCount, to: target, offset: offset)
        }
        record.commands.withLock {
            $0.append(
                .copy(
                    source: UInt(bitPattern: source), byteCount: byteCount, target: UInt(bitPattern: target),
                    offset: offset))
        }
    }

    private func run(_ commands: [Command]) throws {
        counts.withLock { $0.graphs += 1 }
        for command in commands {
            switch command {
            case .launch(let kernel, let size, let arguments):
                try base.launch(kernel, size, arguments.map(argument))
            case .copy(let source, let byteCount, let target, let offset):
                guard let source = UnsafeMutableRawPointer(bitPattern: source),
                    let target = UnsafeMutableRawPointer(bitPattern: target)
                else { continue }
                try base.copy(source, byteCount: byteCount, to: target, offset: offset)
            case .product(let product): try product.compute(on: base)
            }
        }
    }

    /// A storage at the address of then.
    private func argument(_ argument: Argument) throws -> KernelArgument {
        switch argument {
        case .number(let number): number
        case .address(let address):
            .buffer(try StoragePool(allocator: OneBlock(address: address), device: device).allocate(byteCount: 1))
        }
    }

    func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer? { try base.allocate(byteCount: byteCount) }
    func free(_ address: UnsafeMutableRawPointer, byteCount: Int) { base.free(address, byteCount: byteCount) }

    func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {
        base.writeGuard(at: address, offset: offset, byteCount: byteCount)
    }

    func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool {
        base.checkGuard(at: address, offset: offset, byteCount: byteCount)
    }

    func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer) throws {
        try base.upload(bytes, to: address)
    }

    func download(_ address: UnsafeMutableRawPointer, into bytes: UnsafeMutableRawBufferPointer) throws {
        try base.download(address, into: bytes)
    }

    func synchronize() throws { try base.synchronize() }
}

/// Memory of someone else.
private struct OneBlock: BlockAllocator {
    let address: UInt

    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: address) }
    func free(_ address: UnsafeMutableRawPointer, byteCount: Int) {}
    func writeGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) {}
    func checkGuard(at address: UnsafeMutableRawPointer, offset: Int, byteCount: Int) -> Bool { true }
}

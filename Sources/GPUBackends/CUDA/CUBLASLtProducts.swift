import CUDAShim
import TensorEngine

/// The products of one driver by cuBLASLt, whose choice of an algorithm is kept for each shape.
///
/// cuBLASLt counts by columns: our `C = A · Wᵀ`, `[m, n]` by rows, is its `W'ᵀ · A'`, `[n, m]`, where `W'` is
/// `[depth, n]` and `A'` `[depth, m]`, and the bias is one number a row.
///
/// `@unchecked Sendable`: it owns its objects, and the CUDA driver's lock guards it.
struct CUBLASLtProducts: @unchecked Sendable {
    /// What NVIDIA advises for Hopper; an algorithm says what it needs of it.
    private static let largestWorkspaceByteCount = 32 << 20
    private static let largestPlanCount = 512

    /// What the library is asked for of one shape.
    private struct Plan {
        let description, weight, a, c: CUBLASLtObject
        var heuristic = CUBLASLtHeuristic()
    }

    let library: CUBLASLt
    private let device: Device
    private let usesTF32: Bool
    private let handle: CUBLASLtObject
    /// nil for a shape that the library doesn't take.
    private var plans: [LibraryProduct: Plan?] = [:]

    private var functions: CUBLASLtFunctions { library.functions }

    /// The device's context must be current, here, in all calls and when this ends.
    /// - Parameter usesTF32: whether float32 factors may be rounded to ten bits of fraction.
    init(_ library: CUBLASLt, device: Device, usesTF32: Bool) throws {
        self.library = library
        self.device = device
        self.usesTF32 = usesTF32
        let functions = library.functions
        handle = try CUBLASLtObject(library, "open", device, functions.cublasLtDestroy) {
            functions.cublasLtCreate(&$0)
        }
    }

    /// nil where the library doesn't take the product.
    mutating func workspaceByteCount(for product: LibraryProduct) throws -> Int? {
        try plan(for: product)?.heuristic.workspaceByteCount
    }

    /// - Returns: whether the library took it.
    mutating func multiply(
        _ product: LibraryProduct, _ operands: LibraryOperands, stream: OpaquePointer
    ) throws -> Bool {
        guard let plan = try plan(for: product) else { return false }
        if let bias = operands.bias {
            try set(cublasLtBiasPointer, UInt(bitPattern: bias.address), of: plan.description)
        }
        var (alpha, beta): (Float, Float) = (1, product.hasResidual ? 1 : 0)
        let offset = operands.offset * product.type.byteSize
        let status = withUnsafePointer(to: plan.heuristic.algorithm) { algorithm in
            functions.cublasLtMatmul(
                handle.pointer, plan.description.pointer, &alpha, operands.weight.address + offset,
                plan.weight.pointer, operands.a.address + offset, plan.a.pointer, &beta,
                (operands.residual ?? operands.c).address, plan.c.pointer,
                operands.c.address, plan.c.pointer, algorithm, operands.workspace.address,
                plan.heuristic.workspaceByteCount, stream)
        }
        guard !Self.refusals.contains(status) else {
            plans[product] = .some(nil)
            return false
        }
        try library.check(status, "product", device)
        return true
    }

    // MARK: Plans

    /// Of a shape that our own product takes then.
    private static let refusals = [cublasNotSupported, cublasInvalidValue, cublasArchitectureMismatch].map(\.rawValue)

    private mutating func plan(for product: LibraryProduct) throws -> Plan? {
        if let known = plans[product] { return known }
        // Batches of ever new lengths: beginning anew is cheap.
        if plans.count >= Self.largestPlanCount { plans = [:] }
        let plan = try makePlan(product)
        plans[product] = .some(plan)
        return plan
    }

    private func makePlan(_ product: LibraryProduct) throws -> Plan? {
        let functions = functions
        let isTF32 = usesTF32 && product.type == .float32
        let compute = isTF32 ? cublasComputeTF32 : cublasComputeFloat32
        var plan = Plan(
            description: try make(functions.cublasLtMatmulDescDestroy) {
                functions.cublasLtMatmulDescCreate(&$0, compute.rawValue, cublasFloat32.rawValue)
            },
            weight: try layout(product.type, product.depth, product.n, leadingDimension: product.weightRowStride),
            a: try layout(product.type, product.depth, product.m, leadingDimension: product.aRowStride),
            c: try layout(product.resultType, product.n, product.m, leadingDimension: product.n))
        try set(cublasLtTransposeA, cublasTransposed.rawValue, of: plan.description)
        try set(cublasLtTransposeB, cublasNotTransposed.rawValue, of: plan.description)
        let epilogue = product.hasBias ? cublasLtEpilogueBias : cublasLtEpilogueNone
        try set(cublasLtEpilogue, epilogue.rawValue, of: plan.description)
        // Nobody reads it yet, but its alignment counts: that of any block of memory.
        if product.hasBias { try set(cublasLtBiasPointer, UInt(256), of: plan.description) }
        let preference = try make(functions.cublasLtMatmulPreferenceDestroy) {
            functions.cublasLtMatmulPreferenceCreate(&$0)
        }
        var byteCount = Self.largestWorkspaceByteCount
        try library.check(
            functions.cublasLtMatmulPreferenceSetAttribute(
                preference.pointer, cublasLtLargestWorkspace.rawValue, &byteCount, MemoryLayout<Int>.size), "product",
            device)
        var count: Int32 = 0
        let status = functions.cublasLtMatmulAlgoGetHeuristic(
            handle.pointer, plan.description.pointer, plan.weight.pointer, plan.a.pointer, plan.c.pointer,
            plan.c.pointer, preference.pointer, 1, &plan.heuristic, &count)
        if Self.refusals.contains(status) { return nil }
        try library.check(status, "product", device)
        return count > 0 && plan.heuristic.status == cublasSuccess.rawValue ? plan : nil
    }

    private func layout(
        _ type: DType, _ rows: Int, _ columns: Int, leadingDimension: Int
    ) throws -> CUBLASLtObject {
        let functions = functions
        return try make(functions.cublasLtMatrixLayoutDestroy) {
            functions.cublasLtMatrixLayoutCreate(
                &$0, type.cublasType, UInt64(rows), UInt64(columns), Int64(leadingDimension))
        }
    }

    private func make(
        _ release: @escaping (OpaquePointer) -> UInt32, _ call: (inout OpaquePointer?) -> UInt32
    ) throws -> CUBLASLtObject {
        try CUBLASLtObject(library, "product", device, release, call)
    }

    private func set<Value>(_ attribute: CUBLASLtConstant, _ value: Value, of description: CUBLASLtObject) throws {
        try withUnsafePointer(to: value) { value in
            try library.check(
                functions.cublasLtMatmulDescSetAttribute(
                    description.pointer, attribute.rawValue, value, MemoryLayout<Value>.size), "product", device)
        }
    }
}

/// Something that cuBLASLt made, destroyed when nothing refers to it any more.
private final class CUBLASLtObject {
    let pointer: OpaquePointer
    private let release: (OpaquePointer) -> UInt32

    init(
        _ library: CUBLASLt, _ operation: String, _ device: Device, _ release: @escaping (OpaquePointer) -> UInt32,
        _ make: (inout OpaquePointer?) -> UInt32
    ) throws {
        var made: OpaquePointer?
        try library.check(make(&made), operation, device)
        guard let made else {
            throw TensorError(.deviceFailure, operation: operation, "cuBLASLt made nothing", device: device)
        }
        pointer = made
        self.release = release
    }

    deinit {
        _ = release(pointer)
    }
}

extension DType {
    fileprivate var cublasType: UInt32 {
        switch self {
        case .float16: cublasFloat16.rawValue
        case .bfloat16: cublasBFloat16.rawValue
        case .float32, .int8, .int32: cublasFloat32.rawValue
        }
    }
}

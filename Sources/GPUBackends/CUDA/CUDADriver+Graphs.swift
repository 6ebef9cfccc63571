import CUDAShim
import TensorEngine

extension CUDADriver {
    package var recordsGraphs: Bool { library.hasGraphs }

    /// Into a stream of its own, so that other threads' work isn't recorded; nothing is computed there.
    package func record(_ body: () throws -> Void) throws -> any GPUGraph {
        try makeCurrent("record")
        let stream = try Self.makeStream("record", library, context, device)
        try library.check(cudaBeginCapture(functions, stream.pointer), "record", device)
        let outcome = Result { try whileRecording(into: stream, body) }
        var recorded: CUgraph?
        let status = cudaEndCapture(functions, stream.pointer, &recorded)
        defer { if let recorded { cudaDestroyGraph(functions, recorded) } }
        try outcome.get()
        try library.check(status, "record", device)
        guard let recorded else { throw TensorError(unrecordable: "nothing", device: device) }
        // It keeps its context.
        let executable = try CUDAHandle(of: library, "record", device: device) { [context] functions, executable in
            _ = functions.pointee.cuCtxSetCurrent(context.pointer)
            cudaDestroyExecutable(functions, executable)
        } make: {
            cudaInstantiate($0, recorded, &$1)
        }
        return CUDAGraph(executable: executable, driver: self)
    }

    fileprivate func launch(_ executable: CUDAHandle) throws {
        try makeCurrent("graph")
        try library.check(cudaLaunchGraph(functions, executable.pointer, stream.pointer), "graph", device)
    }
}

/// Goes before its driver's programs do, whose kernels it launches.
private struct CUDAGraph: GPUGraph {
    let executable: CUDAHandle
    let driver: CUDADriver

    func launch() throws { try driver.launch(executable) }
}

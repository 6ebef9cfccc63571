import GPUBackends
import OpenCLShim
import TensorEngine
import Testing

/// The adapter over a real OpenCL; skipped where there is none, which `requiredDevicesArePresent` turns into a failure
/// when there must be one.
@Suite(.serialized) struct OpenCLDriverTests {
    @Test func bytesTravelThroughTheDeviceAndNothingIsLeft() throws {
        guard let library = try? OpenCLLibrary.shared() else { return }
        let before = openCLLiveObjectCount()
        do {
            let driver = try OpenCLDriver(index: 0, library: library)
            let pool = StoragePool(allocator: driver, device: driver.device, guardByteCount: 64)
            // Below and above the size from which uploads wait.
            for count in [0, 1, 1000, 300_000] {
                let values = (0..<count).map(Float.init)
                let (a, b) = (
                    try pool.allocate(byteCount: count * 4), try pool.allocate(byteCount: (count + 1) * 4)
                )
                try values.withUnsafeBytes { try driver.upload($0, to: a.address) }
                try driver.copy(a.address, byteCount: count * 4, to: b.address, offset: 4)
                var copy = [Float](repeating: 0, count: count + 1)
                try copy.withUnsafeMutableBytes { try driver.download(b.address, into: $0) }
                #expect(Array(copy.dropFirst()) == values)
            }
            #expect(pool.statistics.damagedGuardCount == 0)
        }
        #expect(openCLLiveObjectCount() == before)
    }
}

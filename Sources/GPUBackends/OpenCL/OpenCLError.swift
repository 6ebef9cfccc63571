import OpenCLShim
import TensorEngine

extension TensorError {
    /// What a negative status of an OpenCL call means to who called.
    init(openCL status: Int32, operation: String, device: Device) {
        let name = Self.openCLName(of: status)
        switch OpenCLStatus(rawValue: status) {
        case openCLOutOfResources, openCLOutOfHostMemory, openCLMemoryAllocationFailure, openCLInvalidBufferSize:
            self.init(
                .outOfMemory, operation: operation, "the OpenCL driver ran out of memory (\(name))", device: device,
                remedy: "use shorter audio, a smaller --batch-seconds or a smaller model")
        case openCLDeviceNotAvailable, openCLInvalidContext, openCLInvalidCommandQueue:
            self.init(
                .deviceFailure, operation: operation, "the OpenCL driver lost the device (\(name))", device: device,
                remedy: "load the model again; if that fails, see the kernel's log (dmesg) or use another device")
        default:
            self.init(
                .deviceFailure, operation: operation, "the OpenCL driver failed (\(name))", device: device,
                remedy: "`xlsr verify --device \(device)` checks the device; `xlsr devices` lists others")
        }
    }

    /// What happened to a command after it had been queued. Its results are missing, so trying again can't help.
    init(openCLCommand name: String, status: Int32, device: Device) {
        self.init(
            .deviceFailure, operation: name, "the device failed to execute it (\(Self.openCLName(of: status)))",
            device: device, remedy: "load the model again; use shorter audio if the device is out of memory")
    }

    private static func openCLName(of status: Int32) -> String {
        openCLStatusName(status).map { String(cString: $0) } ?? "status \(status)"
    }
}

/// Throws unless a call succeeded.
func checkOpenCL(_ status: Int32, _ operation: String, _ device: Device) throws {
    guard status == openCLSuccess.rawValue else {
        throw TensorError(openCL: status, operation: operation, device: device)
    }
}

import OpenCLShim
import Synchronization
import TensorEngine

/// A driver that the OpenCL loader found.
package struct OpenCLPlatform: Sendable {
    package var name: String
    package var vendor: String
    package var version: String
    /// Why its devices are not known.
    package var failure: TensorError?
}

/// A device that a platform has.
///
/// `@unchecked Sendable`: the identifiers are the driver's own, valid for as long as the process lives.
package struct OpenCLDevice: @unchecked Sendable {
    let platformIdentifier: OpaquePointer
    let identifier: OpaquePointer
    package var properties: GPUProperties
    /// What the driver calls it: "CPU", "GPU", "accelerator".
    package var typeName: String
    package var version: String
    package var platformVersion: String
    package var isAvailable: Bool
    package var hasCompiler: Bool
    package var roundsDivisionCorrectly: Bool
    fileprivate var rank: Int
}

/// Every platform and device: `opencl:i` is `devices[i]`.
package struct OpenCLDevices: Sendable {
    package private(set) var platforms: [OpenCLPlatform] = []
    /// GPUs first, then accelerators, then processors; otherwise as the loader has them.
    package private(set) var devices: [OpenCLDevice] = []

    /// PoCL 3.1 shows a device to a second thread while the first is still setting it up.
    private static let oneAtATime = Mutex(())

    /// - Throws: `TensorError` when the loader finds no driver at all.
    package init(of library: OpenCLLibrary) throws {
        self = try Self.oneAtATime.withLock { _ in try OpenCLDevices(listing: library) }
    }

    private init(listing library: OpenCLLibrary) throws {
        let functions = library.functions
        let identifiers = try openCLList(.opencl(), "clGetPlatformIDs", none: openCLPlatformNotFound) {
            functions.pointee.clGetPlatformIDs($0, $1, $2)
        }
        guard !identifiers.isEmpty else {
            throw TensorError(
                .deviceUnavailable, operation: "open", "no OpenCL driver is installed", device: .opencl(),
                remedy: "apt-get install pocl-opencl-icd to compute on the processor, or the driver of your GPU")
        }
        var found: [OpenCLDevice] = []
        for identifier in identifiers {
            var platform = OpenCLPlatform(name: "unknown", vendor: "", version: "")
            do {
                let information = OpenCLPlatformQuery(functions: functions, platform: identifier)
                platform.name = try information.string(openCLPlatformName)
                platform.vendor = try information.string(openCLPlatformVendor)
                platform.version = try information.string(openCLPlatformVersion)
                let list = try openCLList(.opencl(), "clGetDeviceIDs", none: openCLDeviceNotFound) {
                    functions.pointee.clGetDeviceIDs(identifier, openCLDeviceTypeAll.rawValue, $0, $1, $2)
                }
                found += try list.map {
                    let query = OpenCLDeviceQuery(functions: functions, device: $0)
                    return try OpenCLDevice(query, platform: platform, platformIdentifier: identifier)
                }
            } catch let error as TensorError {
                platform.failure = error
            }
            platforms.append(platform)
        }
        devices = (0...OpenCLDevice.lastRank).flatMap { rank in found.filter { $0.rank == rank } }
    }

    /// Whether `opencl:0` is a GPU that can be used.
    package var firstIsUsableGPU: Bool {
        devices.first.map { $0.typeName == OpenCLDevice.gpu && $0.isAvailable && $0.hasCompiler } ?? false
    }

    /// The device of an index.
    /// - Throws: `TensorError` of kind `deviceUnavailable` unless it is there and can be used.
    package func device(at index: Int) throws -> OpenCLDevice {
        func unavailable(_ detail: String, _ remedy: String) -> TensorError {
            TensorError(.deviceUnavailable, operation: "open", detail, device: .opencl(index), remedy: remedy)
        }
        guard devices.indices.contains(index) else {
            if let failure = platforms.lazy.compactMap(\.failure).first {
                throw unavailable(failure.detail, "see the driver's installation, or use another device")
            }
            let names = platforms.map(\.name).joined(separator: ", ")
            guard !devices.isEmpty else {
                throw unavailable(
                    "no device in the OpenCL drivers that are installed (\(names))",
                    "apt-get install pocl-opencl-icd to compute on the processor, or the driver of your GPU")
            }
            throw unavailable(
                devices.count == 1 ? "there is one OpenCL device" : "there are \(devices.count) OpenCL devices",
                "use \(devices.indices.map { "\(Device.opencl($0))" }.joined(separator: ", "))")
        }
        let device = devices[index]
        guard device.isAvailable else {
            throw unavailable(
                "\(device.properties.name) is not available now", "free it, or use another device (xlsr devices)")
        }
        guard device.hasCompiler else {
            throw unavailable(
                "the driver of \(device.properties.name) has no compiler",
                "install its compiler, or use another device (xlsr devices)")
        }
        return device
    }
}

extension OpenCLDevice {
    /// PoCL keeps what it compiled in a cache of its own, and to hand out a program it compiles every kernel once more:
    /// the demo's first start takes 12.4 s of the processor instead of 3.5 s, later ones 0.10 s instead of 0.24 s.
    var keepsPrograms: Bool { properties.platform == "Portable Computing Language" }

    fileprivate static let lastRank = 3
    fileprivate static let gpu = "GPU"
    fileprivate init(
        _ query: OpenCLDeviceQuery, platform: OpenCLPlatform, platformIdentifier: OpaquePointer
    ) throws {
        let type = try query.integer(openCLDeviceType, as: UInt64.self)
        let isCPU = type & openCLDeviceTypeCPU.rawValue != 0
        let (rank, typeName) =
            if type & openCLDeviceTypeGPU.rawValue != 0 {
                (0, Self.gpu)
            } else if type & openCLDeviceTypeAccelerator.rawValue != 0 {
                (1, "accelerator")
            } else {
                isCPU ? (2, "CPU") : (Self.lastRank, "other")
            }
        let lanes = try query.integer(openCLDeviceFloatVectorWidth, as: UInt32.self)
        self.platformIdentifier = platformIdentifier
        self.identifier = query.device
        self.rank = rank
        self.typeName = typeName
        version = try query.string(openCLDeviceVersion)
        platformVersion = platform.version
        isAvailable = try query.integer(openCLDeviceIsAvailable, as: UInt32.self) != 0
        hasCompiler = try query.integer(openCLDeviceHasCompiler, as: UInt32.self) != 0
        roundsDivisionCorrectly =
            try query.integer(openCLDeviceSingleFloatConfiguration, as: UInt64.self)
            & openCLCorrectlyRoundedDivision.rawValue != 0
        properties = GPUProperties(
            kind: rank == 2 ? .cpu(lanes: min(max(Int(lanes), 4), 16)) : .gpu,
            name: try query.string(openCLDeviceName),
            vendor: try query.string(openCLDeviceVendor),
            driverVersion: try query.string(openCLDriverVersion),
            platform: platform.name,
            // Halves are read by vload_half, which OpenCL 1.2 has itself.
            extensions: [],
            computeUnitCount: Int(try query.integer(openCLDeviceComputeUnitCount, as: UInt32.self)),
            memoryByteCount: Int(clamping: try query.integer(openCLDeviceMemoryByteCount, as: UInt64.self)),
            largestBlockByteCount: Int(clamping: try query.integer(openCLDeviceLargestBlockByteCount, as: UInt64.self)),
            localMemoryByteCount: Int(clamping: try query.integer(openCLDeviceLocalMemoryByteCount, as: UInt64.self)),
            largestGroupSize: Int(clamping: try query.integer(openCLDeviceLargestGroupSize, as: UInt.self)))
    }
}

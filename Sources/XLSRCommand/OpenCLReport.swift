import GPUBackends
import TensorEngine

/// What the OpenCL loader finds: every platform, and every device by its name for `--device`.
struct OpenCLReport: Encodable {
    struct Platform: Encodable {
        let name: String
        let vendor: String
        let version: String
        /// Why its devices are not known.
        let failure: String?
    }

    struct OpenCLDevice: Encodable {
        let name: String
        let type: String
        let description: String
        let vendor: String
        let platform: String
        let version: String
        let driver: String
        let isAvailable: Bool
        let hasCompiler: Bool
        let memoryByteCount: Int
        let largestBlockByteCount: Int
        let localMemoryByteCount: Int
        let computeUnitCount: Int
        let extensions: [String]

        enum CodingKeys: String, CodingKey {
            case name, type, description, vendor, platform, version, driver
            case isAvailable = "available"
            case hasCompiler = "compiler"
            case memoryByteCount = "memory_bytes"
            case largestBlockByteCount = "largest_block_bytes"
            case localMemoryByteCount = "local_memory_bytes"
            case computeUnitCount = "compute_units"
            case extensions = "extensions_used"
        }
    }

    let platforms: [Platform]
    let devices: [OpenCLDevice]

    /// nil without a loader or without drivers, which the list of devices explains.
    init?() {
        guard let found = try? OpenCLDevices(of: .shared()) else { return nil }
        platforms = found.platforms.map {
            Platform(name: $0.name, vendor: $0.vendor, version: $0.version, failure: $0.failure?.detail)
        }
        devices = found.devices.enumerated().map { index, device in
            let properties = device.properties
            return OpenCLDevice(
                name: "opencl:\(index)", type: device.typeName, description: properties.name,
                vendor: properties.vendor, platform: properties.platform, version: device.version,
                driver: properties.driverVersion, isAvailable: device.isAvailable, hasCompiler: device.hasCompiler,
                memoryByteCount: properties.memoryByteCount,
                largestBlockByteCount: properties.largestBlockByteCount,
                localMemoryByteCount: properties.localMemoryByteCount,
                computeUnitCount: properties.computeUnitCount, extensions: properties.extensions)
        }
    }

    var text: String {
        let platformLines = platforms.map { platform in
            "OpenCL platform \(platform.name) (\(platform.vendor)): \(platform.version)"
                + (platform.failure.map { "; its devices can't be listed: \($0)" } ?? "")
        }
        let deviceLines = devices.flatMap { device in
            let isUsable = device.isAvailable && device.hasCompiler
            let indent = padded("", 19)
            return [
                """
                \(padded(device.name, 10)) \(padded(isUsable ? "present" : "missing", 8)) \(device.type) \
                \(device.description), \(device.vendor)\(device.isAvailable ? "" : ", not available now")\
                \(device.hasCompiler ? "" : ", without a compiler")
                """,
                """
                \(indent) \(byteText(device.memoryByteCount)), a block at most \
                \(byteText(device.largestBlockByteCount)), local \(byteText(device.localMemoryByteCount)), \
                \(counted(device.computeUnitCount, "compute unit"))
                """,
                """
                \(indent) \(device.version), driver \(device.driver), extensions used: \
                \(device.extensions.isEmpty ? "none" : device.extensions.joined(separator: ", "))
                """,
            ]
        }
        return (platformLines + deviceLines).map { "\($0)\n" }.joined()
    }
}

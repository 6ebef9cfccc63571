import OpenCLShim
import TensorEngine

/// The usual two calls of OpenCL's lists: how many there are, then these.
/// - Parameter none: the status by which the driver says that there are none.
func openCLList(
    _ device: Device, _ operation: String, none: OpenCLStatus,
    _ call: (UInt32, UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<UInt32>?) -> Int32
) throws -> [OpaquePointer] {
    var count: UInt32 = 0
    let status = call(0, nil, &count)
    guard status != none.rawValue else { return [] }
    try checkOpenCL(status, operation, device)
    guard count > 0 else { return [] }
    var list = [OpaquePointer?](repeating: nil, count: Int(count))
    try checkOpenCL(call(count, &list, nil), operation, device)
    return list.compactMap(\.self)
}

/// The usual two calls of OpenCL's texts and other values: how many bytes, then these.
func openCLBytes(
    _ device: Device, _ operation: String,
    _ call: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> Int32
) throws -> [UInt8] {
    var byteCount = 0
    try checkOpenCL(call(0, nil, &byteCount), operation, device)
    guard byteCount > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try checkOpenCL(call(byteCount, &bytes, nil), operation, device)
    return bytes
}

/// A text as OpenCL gives it: with a NUL at the end, and here and there blanks around.
func openCLText(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
}

struct OpenCLPlatformQuery {
    let functions: UnsafeMutablePointer<OpenCLFunctions>
    let platform: OpaquePointer

    func string(_ name: OpenCLPlatformInfo) throws -> String {
        openCLText(
            try openCLBytes(.opencl(), "clGetPlatformInfo") {
                functions.pointee.clGetPlatformInfo(platform, name.rawValue, $0, $1, $2)
            })
    }
}

struct OpenCLDeviceQuery {
    let functions: UnsafeMutablePointer<OpenCLFunctions>
    let device: OpaquePointer

    func string(_ name: OpenCLDeviceInfo) throws -> String {
        openCLText(
            try openCLBytes(.opencl(), "clGetDeviceInfo") {
                functions.pointee.clGetDeviceInfo(device, name.rawValue, $0, $1, $2)
            })
    }

    func integer<Integer: FixedWidthInteger>(_ name: OpenCLDeviceInfo, as type: Integer.Type) throws -> Integer {
        var value: Integer = 0
        let status = functions.pointee.clGetDeviceInfo(device, name.rawValue, MemoryLayout<Integer>.size, &value, nil)
        try checkOpenCL(status, "clGetDeviceInfo", .opencl())
        return value
    }
}

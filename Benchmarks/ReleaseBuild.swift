import Glibc
import XLSR

/// The release build of this program: a debug build has nothing worth measuring.
enum ReleaseBuild {
    /// Becomes `swift run -c release Benchmarks …`; returns only by an error.
    static func replaceProcess(arguments: [String]) throws {
        guard let package = packageFolder else {
            throw UsageError("this is a debug build, and its sources are gone; build it by swift build -c release")
        }
        Console.note("a debug build; starting again in release …")
        let command = ["swift", "run", "-c", "release", "--package-path", package, "Benchmarks"] + arguments
        let argv: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        defer { argv.forEach { free($0) } }
        execvp("swift", argv + [nil])
        throw UsageError(
            "swift can't be started (\(String(cString: strerror(errno)))), and this is a debug build; "
                + "put the Swift toolchain on the PATH, or run \(command.joined(separator: " "))")
    }

    /// Where this file was compiled, else the current folder, if it is this package.
    static var packageFolder: String? {
        let source = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return [source.joined(separator: "/"), "."].first {
            access("\($0)/Package.swift", R_OK) == 0 && access("\($0)/Benchmarks/ReleaseBuild.swift", R_OK) == 0
        }
    }
}

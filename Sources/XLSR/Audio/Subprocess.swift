import Glibc
import Synchronization

/// A program that was run to its end.
package struct Subprocess {
    /// The exit status; 128 + signal when a signal ended it, as shells count; nil when the system didn't keep it.
    package let exitStatus: Int32?
    /// The last bytes that the program wrote to its standard error.
    package let errorOutput: [UInt8]

    static let errorOutputByteLimit = 4096

    /// Looks for a program in a list of folders parted by colons, as in PATH; nil when it isn't there.
    static func find(_ name: String, searchPath: String) -> String? {
        searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        }
    }

    /// Runs a program without a shell and hands over its standard output as it comes.
    ///
    /// Both outputs are drained as they fill, so neither side can wait for the other, and the process is always
    /// reaped; when `consume` throws it is killed first.
    ///
    /// - Parameter standardInput: an open file, or nil for none.
    /// - Throws: `SystemError`, `CancellationError`, or what `consume` throws.
    package static func run(
        _ program: String, _ arguments: [String], standardInput: Int32?,
        consume: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Subprocess {
        let (process, output, errors) = try spawn(program, arguments, standardInput: standardInput)
        defer {
            close(output)
            close(errors)
        }
        do {
            let errorOutput = try drain(output, errors, consume: consume)
            return Subprocess(exitStatus: reap(process), errorOutput: errorOutput)
        } catch {
            kill(process, SIGKILL)
            _ = reap(process)
            throw error
        }
    }

    private static func drain(
        _ output: Int32, _ errors: Int32, consume: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> [UInt8] {
        var errorOutput: [UInt8] = []
        var files = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            // A negative descriptor, which poll ignores, marks an output that has ended.
            while files.contains(where: { $0.fd >= 0 }) {
                try CancellationFlag.check()
                if poll(&files, nfds_t(files.count), Int32(CancellationFlag.checkMilliseconds)) < 0 {
                    if errno == EINTR { continue }
                    throw SystemError()
                }
                for index in files.indices where files[index].fd >= 0 && files[index].revents != 0 {
                    guard let count = try WholeFile.readSome(files[index].fd, into: buffer) else {
                        files[index].fd = -1
                        continue
                    }
                    if files[index].fd == output {
                        try consume(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    } else {
                        errorOutput.append(contentsOf: buffer[..<count])
                        errorOutput.removeFirst(max(0, errorOutput.count - errorOutputByteLimit))
                    }
                }
            }
        }
        return errorOutput
    }

    private static func reap(_ process: pid_t) -> Int32? {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            if errno != EINTR { return nil }
        }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}

extension Subprocess {
    /// Held from the making of the pipes to the start of the process: without pipe2, a process started meanwhile
    /// would inherit their ends and hold them open.
    private static let spawning = Mutex(())

    private static func spawn(
        _ program: String, _ arguments: [String], standardInput: Int32?
    ) throws -> (process: pid_t, output: Int32, errors: Int32) {
        try spawning.withLock { _ in
            let output = try makePipe()
            defer { close(output.write) }
            let errors: (read: Int32, write: Int32)
            do {
                errors = try makePipe()
            } catch {
                close(output.read)
                throw error
            }
            defer { close(errors.write) }

            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            if let standardInput {
                posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
            } else {
                posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            }
            posix_spawn_file_actions_adddup2(&actions, output.write, 1)
            posix_spawn_file_actions_adddup2(&actions, errors.write, 2)

            let argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
            defer { argv.forEach { free($0) } }
            var process = pid_t()
            let code = posix_spawn(&process, program, &actions, nil, argv + [nil], environ)
            if code != 0 {
                close(output.read)
                close(errors.read)
                throw SystemError(code: code)
            }
            return (process, output.read, errors.read)
        }
    }

    /// A pipe whose ends close in other programs and stay clear of 0, 1 and 2, which the child's own files take.
    package static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) != 0 { throw SystemError() }
        defer { ends.forEach { close($0) } }
        let read = fcntl(ends[0], F_DUPFD_CLOEXEC, 3)
        if read < 0 { throw SystemError() }
        let write = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)
        if write < 0 {
            let error = SystemError()
            close(read)
            throw error
        }
        return (read, write)
    }
}

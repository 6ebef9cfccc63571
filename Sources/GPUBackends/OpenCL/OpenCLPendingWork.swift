import OpenCLShim
import TensorEngine

/// The commands that were queued and not yet seen to be complete, oldest first.
///
/// A command may fail long after the call that queued it. Its results are then missing, whoever reads them, so the
/// first failure stays for as long as the driver lives.
///
/// `@unchecked Sendable`: it owns its events and staging memory, and the driver's lock guards it.
struct OpenCLPendingWork: @unchecked Sendable {
    private struct Command {
        let name: String
        let event: OpaquePointer
        /// Host bytes that the command reads.
        let staging: UnsafeMutableRawBufferPointer?
    }

    /// Beyond this the caller waits: what is queued holds events and memory.
    static let largestCount = 1024
    static let largestStagingByteCount = 64 << 20
    /// How many commands are queued between two looks at what is complete. Each look also tells the driver to start.
    private static let commandsBetweenLooks = 32

    private let library: OpenCLLibrary
    private let device: Device
    private var commands: [Command] = []
    /// Commands before this one are gone.
    private var first = 0
    private var stagingByteCount = 0
    private(set) var failure: TensorError?

    init(library: OpenCLLibrary, device: Device) {
        self.library = library
        self.device = device
    }

    /// Takes over an event and the memory that its command reads.
    mutating func append(
        _ name: String, event: OpaquePointer, staging: UnsafeMutableRawBufferPointer? = nil, queue: OpaquePointer
    ) {
        commands.append(Command(name: name, event: event, staging: staging))
        stagingByteCount += staging?.count ?? 0
        let count = commands.count - first
        if stagingByteCount > Self.largestStagingByteCount {
            wait(for: commands.count - 1)
        } else if count > Self.largestCount {
            wait(for: first + count / 2)
        } else if commands.count.isMultiple(of: Self.commandsBetweenLooks) {
            _ = library.functions.pointee.clFlush(queue)
            removeComplete()
        }
    }

    /// Forgets what is complete, up to the first command that isn't.
    mutating func removeComplete() {
        while first < commands.count {
            var status = openCLComplete.rawValue
            let call = library.functions.pointee.clGetEventInfo(
                commands[first].event, openCLEventExecutionStatus.rawValue, MemoryLayout<Int32>.size, &status, nil)
            if call != openCLSuccess.rawValue {
                removeFirst(status: call, isOver: false)
            } else if status <= openCLComplete.rawValue {
                removeFirst(status: status, isOver: true)
            } else {
                break
            }
        }
        if first > commands.count / 2 {
            commands.removeSubrange(..<first)
            first = 0
        }
    }

    /// Forgets everything, once the queue has finished.
    mutating func removeAll() {
        removeComplete()
        while first < commands.count { removeFirst(status: openCLComplete.rawValue, isOver: false) }
        commands = []
        first = 0
    }

    private mutating func wait(for index: Int) {
        var event: OpaquePointer? = commands[index].event
        // The status of each event tells what went wrong.
        _ = library.functions.pointee.clWaitForEvents(1, &event)
        removeComplete()
    }

    /// - Parameter isOver: what a broken driver may still read is never given back.
    private mutating func removeFirst(status: Int32, isOver: Bool) {
        let command = commands[first]
        first += 1
        if status < openCLComplete.rawValue, failure == nil {
            failure = TensorError(openCLCommand: command.name, status: status, device: device)
        }
        openCLReleaseEvent(library.functions, command.event)
        stagingByteCount -= command.staging?.count ?? 0
        if isOver { command.staging?.deallocate() }
    }
}

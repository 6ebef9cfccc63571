/// Seconds that the same work took, run by run.
struct Timing: Codable, Equatable {
    let seconds: [Double]

    /// The middle one, or the mean of the two in the middle. 0 of none.
    var median: Double {
        let sorted = seconds.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var minimum: Double { seconds.min() ?? 0 }
    var maximum: Double { seconds.max() ?? 0 }

    init(seconds: [Double]) {
        self.seconds = seconds
    }

    /// Times `body`, which must wait for its device, until both `runCount` runs and `leastSeconds` are over.
    /// Before that it runs untimed once and for `warmUpSeconds`: caches fill, pools grow, and the threads of a library
    /// that was timed before stop spinning.
    init(
        runCount: Int, leastSeconds: Double = 0, most mostRuns: Int = .max, warmUpSeconds: Double, _ body: () throws -> Void
    ) rethrows {
        var warmUp = 0.0
        repeat { warmUp += try Self.seconds(of: body) } while warmUp < warmUpSeconds
        var (seconds, total): ([Double], Double) = ([], 0)
        while seconds.count < runCount || (total < leastSeconds && seconds.count < mostRuns) {
            seconds.append(try Self.seconds(of: body))
            total += seconds[seconds.count - 1]
        }
        self.seconds = seconds
    }

    static func seconds(of body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body) / .seconds(1)
    }
}

/// Seconds that the same work took, run by run.
package struct Timing: Codable, Equatable {
    package let seconds: [Double]
    package let median: Double
    package let minimum: Double
    package let maximum: Double

    package init(seconds: [Double]) {
        self.seconds = seconds
        minimum = seconds.min() ?? 0
        maximum = seconds.max() ?? 0
        median = seconds.median
    }

    /// Times `body`, which must wait for its device, at least `runCount` times, and on until `leastSeconds` are over or
    /// there were `mostRuns`.
    /// Before that it runs untimed once and for `warmUpSeconds`: caches fill, pools grow, and the threads of a library
    /// that was timed before stop spinning.
    package init(
        runCount: Int, leastSeconds: Double = 0, mostRuns: Int = .max, warmUpSeconds: Double = 0,
        _ body: () throws -> Void
    ) rethrows {
        var warmUp = 0.0
        repeat { warmUp += try Self.seconds(of: body) } while warmUp < warmUpSeconds
        var (seconds, total): ([Double], Double) = ([], 0)
        while seconds.count < runCount || (total < leastSeconds && seconds.count < mostRuns) {
            seconds.append(try Self.seconds(of: body))
            total += seconds[seconds.count - 1]
        }
        self.init(seconds: seconds)
    }

    static func seconds(of body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body) / .seconds(1)
    }
}

extension [Double] {
    /// The middle one, or the mean of the two in the middle. 0 of none.
    var median: Double {
        let (sorted, middle) = (sorted(), count / 2)
        guard !isEmpty else { return 0 }
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

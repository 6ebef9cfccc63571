/// Mean and population variance of each channel over the frames of an utterance: what a group norm norms by.
package struct ChannelStatistics: Hashable, Sendable {
    package let means: [Float]
    package let variances: [Float]

    /// Puts the statistics of an utterance's parts together (Chan, Golub and LeVeque 1983), in Double.
    struct Accumulator {
        private var count = 0.0
        private var means: [Double]
        /// Sums of squared differences from the mean.
        private var squares: [Double]

        init(channels: Int) {
            means = [Double](repeating: 0, count: channels)
            squares = means
        }

        mutating func add(count added: Int, means partMeans: ArraySlice<Float>, variances: ArraySlice<Float>) {
            guard added > 0 else { return }
            let total = count + Double(added)
            for (channel, (mean, variance)) in zip(partMeans, variances).enumerated() {
                let difference = Double(mean) - means[channel]
                means[channel] += difference * Double(added) / total
                squares[channel] +=
                    Double(variance) * Double(added) + difference * difference * count * Double(added) / total
            }
            count = total
        }

        var statistics: ChannelStatistics {
            ChannelStatistics(means: means.map { Float($0) }, variances: squares.map { Float($0 / max(1, count)) })
        }
    }
}

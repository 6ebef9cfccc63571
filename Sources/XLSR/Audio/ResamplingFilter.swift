import Glibc

/// Kaiser-windowed sinc, tabulated as one row of taps for each fractional position between two input samples.
///
/// The response is flat within 0.001 dB up to 0.9 of the lower of both Nyquist frequencies and at least 96 dB down
/// from 1.0 of it (designed for 100 dB; J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window
/// function", 1974).
struct ResamplingFilter: Sendable {
    static let passBandEdge = 0.9
    static let attenuation = 100.0

    /// Rows for the fractions 0, 1/phaseCount, …, 1 (the last one serves interpolation).
    let phaseCount: Int
    /// Taps a row, a multiple of 16. Tap k weighs the input sample k − (tapCount/2 − 1) after the position.
    let tapCount: Int
    /// [phaseCount + 1, tapCount]
    let taps: [Float]
    /// Whether every position that occurs is a row. Otherwise outputs are interpolated between two rows.
    let isExact: Bool

    /// - Parameters:
    ///   - up: outputs for every `down` inputs, both without common factor.
    init(up: Int, down: Int) {
        let bandwidth = min(1, Double(up) / Double(down))
        // Linear interpolation between rows is off by (π·bandwidth/phases)²/8 at most: −118 dB for 1024 rows.
        let fineEnough = Int((1024 * bandwidth).rounded(.up))
        isExact = up <= fineEnough
        let phaseCount = isExact ? up : fineEnough

        let transition = (1 - Self.passBandEdge) * bandwidth * .pi
        let halfWidth = ((Self.attenuation - 7.95) / (2.285 * transition) / 2).rounded(.up)
        let tapCount = (2 * Int(halfWidth) + 15) / 16 * 16
        let cutoff = (1 + Self.passBandEdge) / 2 * bandwidth
        let beta = 0.1102 * (Self.attenuation - 8.7)

        self.phaseCount = phaseCount
        self.tapCount = tapCount
        taps = (0...phaseCount).flatMap { phase in
            let fraction = Double(phase) / Double(phaseCount)
            let row = (0..<tapCount).map { tap in
                let time = fraction - Double(tap - (tapCount / 2 - 1))
                let edge = time / Double(tapCount / 2)
                let window = besselI0(beta * max(0, 1 - edge * edge).squareRoot())
                return window * (time == 0 ? cutoff : sin(.pi * cutoff * time) / (.pi * time))
            }
            // A sum of one in every row keeps a constant constant, without a ripple at the rate of the phases.
            let sum = row.reduce(0, +)
            return row.map { Float($0 / sum) }
        }
    }
}

/// The modified Bessel function of the first kind and order zero, by its power series.
private func besselI0(_ x: Double) -> Double {
    var sum = 1.0
    var term = 1.0
    var k = 1.0
    while term > sum * 1e-17 {
        let factor = x / (2 * k)
        term *= factor * factor
        sum += term
        k += 1
    }
    return sum
}

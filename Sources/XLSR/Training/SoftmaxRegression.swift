import Glibc

/// Softmax regression on a learned average of an audio's hidden states, the probabilities of labels:
/// `softmax(W · (Σ softmax(l)ₛ · xₛ - μ) / σ + b)`. `xₛ` is the mean of the hidden states `s` over the audio's frames;
/// `μ` and `σ` are mean and standard deviation over the examples of the plain average of all `s`.
struct SoftmaxRegression {
    struct Example {
        let states: PooledStates
        let label: Int
    }

    /// What is learned.
    struct Parameters {
        /// `l`, of each state.
        var layerLogits: [Double]
        /// `W`, of each label and channel.
        var weights: [Double]
        /// `b`, of each label.
        var biases: [Double]

        init(states: Int, channels: Int, labels: Int) {
            layerLogits = [Double](repeating: 0, count: states)
            weights = [Double](repeating: 0, count: labels * channels)
            biases = [Double](repeating: 0, count: labels)
        }

        var vector: [Double] {
            get { layerLogits + weights + biases }
            set {
                let (states, last) = (layerLogits.count, layerLogits.count + weights.count)
                (layerLogits, weights) = (Array(newValue[..<states]), Array(newValue[states..<last]))
                biases = Array(newValue[last...])
            }
        }
    }

    private let examples: [Example]
    private let channels: Int
    private let means: [Double]
    private let deviations: [Double]
    /// Of nothing learned.
    let start: Parameters

    init(_ examples: [Example], channels: Int, labels: Int) {
        self.examples = examples
        self.channels = channels
        let states = examples.first?.states.means.count ?? 0
        start = Parameters(states: states, channels: channels, labels: labels)
        let shares = softmax(start.layerLogits).map { Float($0) }
        var sums = [Double](repeating: 0, count: channels)
        var squares = sums
        let averages = examples.map { $0.states.average(shares, channels) }
        for average in averages { for channel in sums.indices { sums[channel] += Double(average[channel]) } }
        let means = sums.map { $0 / Double(examples.count) }
        for average in averages {
            for channel in squares.indices {
                let difference = Double(average[channel]) - means[channel]
                squares[channel] += difference * difference
            }
        }
        self.means = means
        // What never changes says nothing.
        deviations = squares.map { $0 > 0 ? ($0 / Double(examples.count)).squareRoot() : 1 }
    }

    /// The parameters of the least loss.
    /// - Parameter start: where to begin, such as what a larger penalty gave.
    /// - Throws: `CancellationError`.
    func fitted(penalty: Double, from start: Parameters) throws -> Parameters {
        var parameters = start
        // By how much a weight may be off is the gradient divided by the penalty, where nothing else curves the loss.
        let tolerance = 1e-3 * penalty
        parameters.vector = try LBFGS.minimum(from: start.vector, tolerance: tolerance, iterationLimit: 1000) {
            vector in
            try CancellationFlag.check()
            parameters.vector = vector
            let (loss, gradient) = self.loss(parameters, penalty: penalty)
            return (loss, gradient.vector)
        }
        return parameters
    }

    /// The mean over the examples of `-log p(label)`, and `penalty / 2 · (|W|² + |l|²)`; and its derivatives.
    func loss(_ parameters: Parameters, penalty: Double) -> (value: Double, gradient: Parameters) {
        let classifier = classifier(parameters)
        var loss = 0.0
        var gradient = start
        // By the weights for averages as they are, and by the layers' shares.
        var weights = classifier.weights.map { _ in LaneVector(zeros: channels) }
        var shares = [Double](repeating: 0, count: parameters.layerLogits.count)
        for example in examples {
            let average = example.states.average(classifier.layerShares, channels)
            let probabilities = softmax(classifier.logits(ofAverage: average))
            loss -= log(max(probabilities[example.label], .leastNormalMagnitude)) / Double(examples.count)
            var byAverage = LaneVector(zeros: channels)
            for (label, probability) in probabilities.enumerated() {
                let error = (probability - (label == example.label ? 1 : 0)) / Double(examples.count)
                gradient.biases[label] += error
                weights[label].add(Float(error), average)
                byAverage.add(Float(error), classifier.weights[label])
            }
            for state in shares.indices { shares[state] += Double(byAverage.dot(example.states.means[state])) }
        }
        for index in gradient.weights.indices {
            let (label, channel) = index.quotientAndRemainder(dividingBy: channels)
            let weight = parameters.weights[index]
            let centred = Double(weights[label][channel]) - means[channel] * gradient.biases[label]
            gradient.weights[index] = centred / deviations[channel] + penalty * weight
            loss += penalty / 2 * weight * weight
        }
        let current = softmax(parameters.layerLogits)
        let mean = zip(current, shares).reduce(0) { $0 + $1.0 * $1.1 }
        for (state, logit) in parameters.layerLogits.enumerated() {
            gradient.layerLogits[state] = current[state] * (shares[state] - mean) + penalty * logit
            loss += penalty / 2 * logit * logit
        }
        return (loss, gradient)
    }

    /// The same without `μ` and `σ`: `W / σ` and `b - W · μ / σ`.
    func classifier(_ parameters: Parameters) -> LinearClassifier {
        var weights: [LaneVector] = []
        var biases: [Float] = []
        for (label, bias) in parameters.biases.enumerated() {
            let own = (0..<channels).map { parameters.weights[label * channels + $0] / deviations[$0] }
            weights.append(LaneVector(own.map { Float($0) }))
            biases.append(Float(bias - zip(own, means).reduce(0) { $0 + $1.0 * $1.1 }))
        }
        return LinearClassifier(
            layerShares: softmax(parameters.layerLogits).map { Float($0) }, weights: weights, biases: biases)
    }
}

/// Scores of labels for an average of hidden states.
struct LinearClassifier: Sendable {
    /// What each of the states is multiplied with.
    let layerShares: [Float]
    /// Of each label.
    let weights: [LaneVector]
    let biases: [Float]

    func logits(_ states: PooledStates, channels: Int) -> [Double] {
        logits(ofAverage: states.average(layerShares, channels))
    }

    fileprivate func logits(ofAverage average: LaneVector) -> [Double] {
        zip(weights, biases).map { Double($0.dot(average) + $1) }
    }
}

extension PooledStates {
    fileprivate func average(_ shares: [Float], _ channels: Int) -> LaneVector {
        var sum = LaneVector(zeros: channels)
        for (share, mean) in zip(shares, means) { sum.add(share, mean) }
        return sum
    }
}

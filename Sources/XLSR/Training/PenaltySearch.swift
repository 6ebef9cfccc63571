import Glibc

/// Finds the penalty of large weights with which classifiers do best on files that they weren't fitted on.
struct PenaltySearch {
    private typealias Example = SoftmaxRegression.Example

    /// From large to small: each fit begins where the one before ended.
    private static let penalties = [10, 1, 0.1, 0.01, 0.001, 0.0001]
    /// Where nothing can be held out.
    private static let plainPenalty = 0.01
    private static let mostFolds = 5

    private struct Split {
        let training: [Example]
        let held: [Example]
    }

    private let training: [Example]
    private let splits: [Split]
    private let isCrossValidation: Bool
    private let channels: Int
    private let labels: [String]

    /// - Parameter validation: the examples to hold out; nil for each fifth of the others in turn, label by label.
    init(
        _ training: [SoftmaxRegression.Example], validation: [SoftmaxRegression.Example]?, channels: Int,
        labels: [String]
    ) {
        self.training = training
        (self.channels, self.labels) = (channels, labels)
        isCrossValidation = validation == nil
        if let validation {
            splits = [Split(training: training, held: validation)]
        } else {
            splits = Self.folds(training, labelCount: labels.count)
        }
    }

    private static func folds(_ examples: [Example], labelCount: Int) -> [Split] {
        var counts = [Int](repeating: 0, count: labelCount)
        let places = examples.map { example in
            defer { counts[example.label] += 1 }
            return counts[example.label]
        }
        let count = min(mostFolds, counts.max() ?? 0)
        guard count > 1 else { return [] }
        return (0..<count).map { fold in
            let isHeld = places.map { $0 % count == fold }
            return Split(
                training: zip(examples, isHeld).filter { !$1 }.map(\.0),
                held: zip(examples, isHeld).filter { $1 }.map(\.0))
        }
    }

    /// A classifier fitted on all examples with the best penalty.
    /// - Parameter fitted: hears how many of all fits are done.
    /// - Throws: `CancellationError`.
    func best(fitted: (_ done: Int, _ total: Int) -> Void) throws -> TrainedClassifier {
        let labelCount = labels.count
        let fitCount = splits.count * Self.penalties.count + 1
        var losses = [Double](repeating: 0, count: Self.penalties.count)
        var confusions = [[[Int]]](
            repeating: [[Int]](repeating: [Int](repeating: 0, count: labelCount), count: labelCount),
            count: Self.penalties.count)
        for (place, split) in splits.enumerated() {
            let regression = SoftmaxRegression(split.training, channels: channels, labels: labelCount)
            var parameters = regression.start
            for (index, penalty) in Self.penalties.enumerated() {
                parameters = try regression.fitted(penalty: penalty, from: parameters)
                let classifier = regression.classifier(parameters)
                for example in split.held {
                    let probabilities = softmax(classifier.logits(example.states, channels: channels))
                    losses[index] -= log(max(probabilities[example.label], .leastNormalMagnitude))
                    let likeliest = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
                    confusions[index][example.label][likeliest] += 1
                }
                fitted(place * Self.penalties.count + index + 1, fitCount)
            }
        }
        let best = splits.isEmpty ? nil : losses.indices.min { losses[$0] < losses[$1] }
        let penalty = best.map { Self.penalties[$0] } ?? Self.plainPenalty
        let regression = SoftmaxRegression(training, channels: channels, labels: labelCount)
        var parameters = regression.start
        for larger in Self.penalties where larger >= penalty {
            parameters = try regression.fitted(penalty: larger, from: parameters)
        }
        fitted(fitCount, fitCount)
        return TrainedClassifier(
            labels: labels, classifier: regression.classifier(parameters), layerLogits: parameters.layerLogits,
            penalty: penalty,
            evaluation: best.map {
                ClassifierEvaluation(
                    labels: labels, confusion: confusions[$0], foldCount: isCrossValidation ? splits.count : nil)
            })
    }
}

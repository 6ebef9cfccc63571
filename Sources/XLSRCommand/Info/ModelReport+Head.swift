import XLSR

extension ModelReport {
    /// A line on a checkpoint's head.
    static func head(_ configuration: Configuration) -> String? {
        let input = configuration.layerSum == nil ? "" : ", from a learned average of all layers"
        switch configuration.head {
        case .none: return nil
        case .ctc: return "CTC, \(configuration.vocabularySize) outputs"
        case .sequenceClassifier(let classes, let size):
            return "labels of whole audio: \(list(classes.labels)), through \(size) channels\(input)"
        case .frameClassifier(let classes): return "labels of frames: \(list(classes.labels))\(input)"
        case .xVector(let sizes):
            return "x-vectors of \(sizes.width), from \(counted(sizes.layers.count, "time-delay layer"))\(input)"
        case .pretraining(let sizes):
            return "quantiser of pre-training, \(counted(sizes.groupCount, "group")) of"
                + " \(counted(sizes.codevectorCount, "codevector"))"
        }
    }

    private static func list(_ labels: [String]) -> String {
        let names = labels.prefix(6).joined(separator: ", ")
        return "\(labels.count) (\(names)\(labels.count > 6 ? ", ..." : ""))"
    }
}

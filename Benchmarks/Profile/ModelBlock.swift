/// The parts of a wav2vec 2.0 model that a profile tells apart.
package enum ModelBlock: Hashable {
    case frontEnd(layer: Int)
    /// Norms and the choice of frames between and after the convolutions.
    case frontEndRest
    case projection
    case positionalConvolution
    case norms
    case queryKeyValue
    case attention
    case attentionOutput
    case feedForwardInner
    case feedForwardOuter
    case head
    /// Primitives inside the encoder.
    case primitives

    var title: String {
        switch self {
        case .frontEnd(let layer): "front-end, layer \(layer)"
        case .frontEndRest: "front-end, the rest"
        case .projection: "feature projection"
        case .positionalConvolution: "positional convolution"
        case .norms: "encoder, norms"
        case .queryKeyValue: "encoder, query-key-value"
        case .attention: "encoder, attention"
        case .attentionOutput: "encoder, attention output"
        case .feedForwardInner: "encoder, feed-forward 1"
        case .feedForwardOuter: "encoder, feed-forward 2"
        case .head: "CTC head"
        case .primitives: "additions, reorderings"
        }
    }

    enum Operation {
        case convolution(inputs: Int)
        case groupedConvolution
        case linear(inputs: Int, outputs: Int)
        case attention
        case norm
        case primitive
    }

    /// Finds the block of each operation of a forward pass by what came before it.
    struct Classifier {
        private enum Stage { case frontEnd, projection, encoder }

        private var stage = Stage.frontEnd
        private var convolutionCount = 0
        private var framesAreChosen = false
        private var last: ModelBlock?

        mutating func block(of operation: Operation) -> ModelBlock {
            let block = next(operation)
            // Norms stand between any two of the others.
            if block != .norms, block != .primitives { last = block }
            return block
        }

        private mutating func next(_ operation: Operation) -> ModelBlock {
            switch (operation, stage) {
            case (.convolution(let inputs), _):
                // Each tile begins with the samples.
                convolutionCount = inputs == 1 ? 1 : convolutionCount + 1
                return .frontEnd(layer: convolutionCount - 1)
            case (.groupedConvolution, _):
                stage = .encoder
                return .positionalConvolution
            case (.attention, _): return .attention
            case (.primitive, .encoder): return .primitives
            case (.primitive, _):
                framesAreChosen = true
                return .frontEndRest
            case (.norm, .encoder): return .norms
            case (.norm, .frontEnd): return framesAreChosen ? .projection : .frontEndRest
            case (.norm, .projection): return .projection
            case (.linear, .frontEnd), (.linear, .projection):
                stage = .projection
                return .projection
            case (.linear(let inputs, let outputs), .encoder):
                return linear(inputs: inputs, outputs: outputs)
            }
        }

        private func linear(inputs: Int, outputs: Int) -> ModelBlock {
            if last == .attention { return .attentionOutput }
            if last == .attentionOutput { return .feedForwardInner }
            if last == .feedForwardInner { return .feedForwardOuter }
            return outputs == 3 * inputs ? .queryKeyValue : .head
        }
    }
}

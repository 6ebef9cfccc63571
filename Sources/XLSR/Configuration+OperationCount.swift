extension Configuration {
    /// Float operations of a forward pass over one utterance, with a CTC head at most: two for each multiply-add of the
    /// convolutions, linear layers and attention; norms, activations and softmax, some hundredths of that, don't count.
    ///
    /// 384 · 10⁹ for ten seconds of the 300M shape.
    public func floatingPointOperationCount(samples: Int) -> Double {
        var multiplyAdds = 0.0
        var inputChannels = 1
        for (index, layer) in convolutions.enumerated() {
            let frames = frameCount(samples: samples, layers: index + 1)
            multiplyAdds += product(frames, layer.channels, layer.kernel * inputChannels)
            inputChannels = layer.channels
        }
        let frames = frameCount(samples: samples)
        multiplyAdds += product(frames, hiddenSize, inputChannels)
        multiplyAdds += product(frames, hiddenSize, hiddenSize / positionalGroups * positionalKernel)
        let linear = 4 * product(frames, hiddenSize, hiddenSize) + 2 * product(frames, hiddenSize, intermediateSize)
        let attention = 2 * product(frames, frames, hiddenSize)
        multiplyAdds += Double(layerCount) * (linear + attention)
        if let adapter { multiplyAdds += count(adapter, frames: frames) }
        if hasCTCHead { multiplyAdds += product(outputFrameCount(samples: samples), outputSize, vocabularySize) }
        return 2 * multiplyAdds
    }

    private func count(_ adapter: Adapter, frames: Int) -> Double {
        var frames = frames
        var multiplyAdds = adapter.width == hiddenSize ? 0 : product(frames, hiddenSize, adapter.width)
        for _ in 0..<adapter.layerCount {
            frames = adapter.frameCount(frames)
            multiplyAdds += product(frames, 2 * adapter.width, adapter.kernel * adapter.width)
        }
        return multiplyAdds
    }

    /// In Double: sizes from a file may be absurd.
    private func product(_ m: Int, _ n: Int, _ k: Int) -> Double { Double(m) * Double(n) * Double(k) }
}

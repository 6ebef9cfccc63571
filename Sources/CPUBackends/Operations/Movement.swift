import TensorEngine

extension CPUBackend {
    public func permute(_ x: Tensor, axes: [Int], into result: Tensor) throws {
        // Four axes always, the missing ones of size 1 in front.
        let missing = 4 - axes.count
        let order = Array(0..<missing) + axes.map { $0 + missing }
        let sizes = [Int](repeating: 1, count: missing) + x.shape.dimensions
        let strides = (0..<4).map { axis in sizes[(axis + 1)...].reduce(1, *) }
        let s = order.map { sizes[$0] }
        let t = order.map { strides[$0] }
        let (source, target) = (x.elements, result.elements)
        // In squares, so that rows that lie across those of the result are read a cache line at a time.
        let side = 16
        let bandCount = (s[2] + side - 1) / side
        workers.run(over: s[0] * s[1] * bandCount, grain: max(1, Self.grain / max(1, side * s[3]))) { bands in
            for band in bands {
                let outer = band / bandCount
                let input = source + (outer / s[1] * t[0] + outer % s[1] * t[1])
                let output = target + outer * s[2] * s[3]
                let rows = band % bandCount * side..<min(s[2], (band % bandCount + 1) * side)
                if t[3] == 1 {
                    for row in rows { (output + row * s[3]).update(from: input + row * t[2], count: s[3]) }
                    continue
                }
                for first in stride(from: 0, to: s[3], by: side) {
                    for row in rows {
                        for column in first..<min(s[3], first + side) {
                            output[row * s[3] + column] = input[row * t[2] + column * t[3]]
                        }
                    }
                }
            }
        }
    }

    public func concatenate(_ parts: [Tensor], into result: Tensor) throws {
        var target = result.elements.pointer
        for part in parts {
            target.update(from: part.elements.pointer, count: part.shape.count)
            target += part.shape.count
        }
    }

    public func gather(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        let (source, target) = (x.elements, result.elements)
        let index = SharedPointer(indices.storage.address.assumingMemoryBound(to: Int32.self))
        workers.run(over: result.shape.rows, grain: max(1, Self.grain / max(1, columns))) { rows in
            for row in rows {
                let output = target + row * columns
                let from = Int(index.pointer[row])
                if from < 0 {
                    output.update(repeating: 0, count: columns)
                } else {
                    output.update(from: source + from * columns, count: columns)
                }
            }
        }
    }

    public func scatterAdd(_ x: Tensor, rows indices: Tensor, into result: Tensor) throws {
        let columns = x.shape.columns
        try fill(0, into: result)
        let index = indices.storage.address.assumingMemoryBound(to: Int32.self)
        for row in 0..<x.shape.rows where index[row] >= 0 {
            let input = x.elements + row * columns
            let output = result.elements + Int(index[row]) * columns
            for column in 0..<columns { output[column] += input[column] }
        }
    }
}

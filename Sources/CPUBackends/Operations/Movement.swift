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
        workers.run(over: s[0] * s[1], grain: max(1, Self.grain / max(1, s[2] * s[3]))) { range in
            for outer in range {
                let input = source + (outer / s[1] * t[0] + outer % s[1] * t[1])
                var output = target + outer * s[2] * s[3]
                for i in 0..<s[2] {
                    let row = input + i * t[2]
                    for j in 0..<s[3] { output[j] = row[j * t[3]] }
                    output += s[3]
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

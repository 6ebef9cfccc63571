/// Finds a minimum of a smooth function by the limited-memory BFGS method (Nocedal 1980): each step is the gradient
/// times an estimate of the inverse second derivatives, from how the gradient changed in the steps before.
enum LBFGS {
    /// Steps that are remembered.
    private static let memory = 10

    /// - Parameters:
    ///   - tolerance: the largest component of the gradient that is taken for zero.
    ///   - function: the value at a point, and its derivatives.
    static func minimum(
        from start: [Double], tolerance: Double, iterationLimit: Int,
        of function: ([Double]) throws -> (value: Double, gradient: [Double])
    ) rethrows -> [Double] {
        var point = start
        var (value, gradient) = try function(point)
        var steps: [Step] = []
        for _ in 0..<iterationLimit {
            guard gradient.contains(where: { $0.magnitude > tolerance }) else { break }
            var direction = Self.direction(gradient, steps)
            if steps.isEmpty {
                let length = dot(gradient, gradient).squareRoot()
                direction = direction.map { $0 / max(1, length) }
            }
            let slope = dot(direction, gradient)
            // Halved until the value falls by a ten-thousandth of what the slope promises (Armijo 1966).
            var size = 1.0
            var next = point
            var (nextValue, nextGradient) = (Double.infinity, gradient)
            while size > 1e-10 {
                next = zip(point, direction).map { $0 + size * $1 }
                (nextValue, nextGradient) = try function(next)
                if nextValue <= value + 1e-4 * size * slope { break }
                size /= 2
            }
            guard nextValue < value else { break }
            let step = Step(
                change: zip(next, point).map { $0 - $1 }, gradientChange: zip(nextGradient, gradient).map { $0 - $1 })
            if step.curvature > 0 { steps.append(step) }
            if steps.count > memory { steps.removeFirst() }
            (point, value, gradient) = (next, nextValue, nextGradient)
        }
        return point
    }

    private struct Step {
        let change: [Double]
        let gradientChange: [Double]
        let curvature: Double

        init(change: [Double], gradientChange: [Double]) {
            (self.change, self.gradientChange) = (change, gradientChange)
            curvature = dot(change, gradientChange)
        }
    }

    /// Nocedal's two loops over the remembered steps.
    private static func direction(_ gradient: [Double], _ steps: [Step]) -> [Double] {
        var result = gradient.map { -$0 }
        var shares: [Double] = []
        for step in steps.reversed() {
            let share = dot(step.change, result) / step.curvature
            shares.append(share)
            add(-share, step.gradientChange, to: &result)
        }
        if let last = steps.last {
            let scale = last.curvature / dot(last.gradientChange, last.gradientChange)
            for index in result.indices { result[index] *= scale }
        }
        for (step, share) in zip(steps, shares.reversed()) {
            add(share - dot(step.gradientChange, result) / step.curvature, step.change, to: &result)
        }
        return result
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func add(_ factor: Double, _ x: [Double], to y: inout [Double]) {
        for index in y.indices { y[index] += factor * x[index] }
    }
}

import Conformance
import Synchronization
import TensorEngine
import Testing

/// That the check finds each sort of fault, by a linear layer that is right on the oracle and tampered with elsewhere.
@Suite struct CheckTests {
    private let backend = ReferenceBackend(guardByteCount: 32)
    private let rows = 50
    private let columns = 4
    private let depth = 8

    /// - Parameter tamper: gets the right result on the device under test.
    private func result(
        oracle: ReferenceBackend = ReferenceBackend(), _ tamper: @escaping @Sendable (Tensor) throws -> Tensor
    ) throws -> CaseResult {
        let (rows, columns, depth, backend) = (rows, columns, depth, backend)
        let testCase = ConformanceCase(
            "linear", "tampered with", multiplyAdds: rows * columns * depth, tolerance: .product(depth: depth),
            columnSums: { inputs in
                let (x, w) = (inputs[0].floats(), inputs[1].floats())
                return (0..<columns).map { column in
                    (0..<rows * depth).reduce(0) { $0 + Double(x[$1]) * Double(w[column * depth + $1 % depth]) }
                }
            }
        ) { random in
            [random.array([rows, depth]), random.array([columns, depth])]
        } bind: { operands in
            let weight = try operands[1].prepared(for: .linear)
            return {
                let y = try operands[0].linear(weight)
                return y.backend === backend ? try tamper(y) : y
            }
        }
        return try check(testCase, on: backend, against: oracle)
    }

    private static func pointer(_ y: Tensor) -> UnsafeMutablePointer<Float> {
        y.storage.address.assumingMemoryBound(to: Float.self)
    }

    @Test func anHonestResultPasses() throws {
        for oracle in [ReferenceBackend(), ReferenceBackend(multiplyAddLimit: 1000)] {
            let result = try result(oracle: oracle) { $0 }
            #expect(result.passed, "\(result)")
        }
    }

    @Test func aWrongElementIsFoundWithItsPlace() throws {
        let result = try result {
            Self.pointer($0)[4 * 17 + 3] += 1e-4
            return $0
        }
        #expect(result.firstBadIndex == 4 * 17 + 3)
        #expect(result.failure?.contains("row 17, column 3") == true)
        #expect(result.largestError > result.allowedError)
    }

    @Test func aNaNIsFound() throws {
        let result = try result {
            Self.pointer($0)[0] = .nan
            return $0
        }
        #expect(result.firstBadIndex == 0)
    }

    @Test(arguments: [Float.nan, .infinity])
    func aNumberInPlaceOfASpecialOneIsFound(value: Float) throws {
        let testCase = ConformanceCase("fill", "numbers", tolerance: .function) { _ in
            [HostArray([1 as Float], shape: [1])]
        } bind: { [backend] operands in
            { try .filled(operands[0].backend === backend ? 1 : value, shape: [1], on: operands[0].backend) }
        }
        #expect(try !check(testCase, on: backend, against: ReferenceBackend()).passed)
    }

    @Test func aWrongRowThatIsNotSampledMovesTheColumnSum() throws {
        let oracle = ReferenceBackend(multiplyAddLimit: 1000)
        #expect(!oracle.sampledRows(of: rows, multiplyAdds: rows * columns * depth).contains(5))
        let result = try result(oracle: oracle) {
            Self.pointer($0)[4 * 5 + 2] += 1
            return $0
        }
        #expect(result.failure?.contains("sum of column 2") == true, "\(result)")
    }

    @Test func anElementThatIsNeverWrittenIsFound() throws {
        let result = try result { y in
            let size = y.shape.count
            let partial = try Tensor.uninitialized(y.shape, on: y.backend)
            try y.backend.upload(
                UnsafeRawBufferPointer(start: y.storage.address, count: 4 * (size - 1)), into: partial.storage)
            return partial
        }
        #expect(!result.passed)
    }

    @Test func runsThatDifferAreFound() throws {
        let runs = Mutex(0)
        let result = try result { y in
            let run = runs.withLock { count in
                count += 1
                return count
            }
            if run == 2 { Self.pointer(y)[9] = Self.pointer(y)[9].nextUp }
            return y
        }
        #expect(result.failure == "two runs differ")
    }

    @Test func aByteBeyondTheResultIsFound() throws {
        let size = rows * columns
        let result = try result {
            Self.pointer($0)[size] = 0
            return $0
        }
        #expect(result.failure?.contains("beyond their end") == true)
    }

    @Test func aResultOfAnotherShapeIsFound() throws {
        let result = try result { try $0.reshaped([8, 25]) }
        #expect(result.failure?.contains("[8, 25]") == true)
    }
}

import Benchmarks
import Testing

struct TimingTests {
    @Test func medianIsTheMiddleOrTheMeanOfTwo() {
        #expect(Timing(seconds: [3, 1, 2]).median == 2)
        #expect(Timing(seconds: [4, 1, 2, 3]).median == 2.5)
        #expect(Timing(seconds: [5]).median == 5)
        let timing = Timing(seconds: [3, 1, 2])
        #expect(timing.minimum == 1 && timing.maximum == 3)
        #expect(Timing(seconds: []).median == 0)
    }

    @Test func warmUpIsNotCounted() {
        var calls = 0
        let timing = Timing(runCount: 3) { calls += 1 }
        #expect(timing.seconds.count == 3)
        #expect(calls == 4)
    }

    @Test func shortWorkIsRepeatedUpToALimit() {
        #expect(Timing(runCount: 2, leastSeconds: 60, mostRuns: 7) {}.seconds.count == 7)
    }

    @Test func numbersHaveThreeSignificantDigits() {
        let expected = [
            (0.012345, "0.0123"), (1.2345, "1.23"), (12.345, "12.3"), (123.45, "123"), (1234.5, "1235"), (0, "0"),
            (9.996, "10.0"), (0.9996, "1.00"), (-2.5, "-2.50"), (.nan, "–"),
        ]
        for (value, text) in expected { #expect(Table.number(value) == text) }
    }
}

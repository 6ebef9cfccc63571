import Benchmarks
import Testing

struct BarChartTests {
    private static let chart = BarChart(
        title: "a < b & c", series: ["simd", "openblas"],
        panels: [
            BarChart.Panel(
                title: "seconds",
                groups: [
                    BarChart.Group(
                        label: String(repeating: "word ", count: 30),
                        bars: ["simd": .init(value: 2, low: 1, high: 4), "openblas": .init(value: 4, low: 4, high: 4)]),
                    BarChart.Group(label: "short", bars: ["simd": .init(value: 1, low: 1, high: 1)]),
                ], mark: .init(value: 8, label: "peak"))
        ])

    private static func attribute(_ name: String, of element: String) -> [Double] {
        chart.svg.split(separator: "<").filter { $0.hasPrefix(element) }.compactMap { text in
            let rest = text.split(separator: " \(name)=\"", maxSplits: 1).dropFirst().first
            return rest?.split(separator: "\"").first.flatMap { Double($0) }
        }
    }

    @Test func textIsEscaped() {
        #expect(Self.chart.svg.contains("a &lt; b &amp; c"))
    }

    @Test func barsAreInProportion() throws {
        // The background, two of the legend, three bars.
        let widths = Self.attribute("width", of: "rect")
        try #require(widths.count == 6)
        #expect((widths[4] - 2 * widths[3]).magnitude < 0.2)
        #expect((widths[3] - 2 * widths[5]).magnitude < 0.2)
    }

    @Test func longLabelsAreBrokenAndNothingLeavesThePicture() throws {
        let width = try #require(Self.attribute("width", of: "svg").first)
        let height = try #require(Self.attribute("height", of: "svg").first)
        #expect(Self.attribute("x", of: "text").allSatisfy { (0..<width).contains($0) })
        #expect(Self.attribute("y", of: "text").allSatisfy { (0..<height).contains($0) })
        let labels = Self.chart.svg.split(separator: "\n").filter { $0.contains("word word") }
        #expect(labels.count == 3)
    }

    @Test func aBarThatWasNotMeasuredIsADash() {
        #expect(Self.chart.svg.contains(">–</text>"))
    }

    @Test func emptyChartIsStillAPicture() {
        let empty = BarChart(title: "", series: [], panels: [BarChart.Panel(title: "none", groups: [])])
        #expect(empty.svg.hasPrefix("<svg ") && !empty.svg.contains("nan"))
    }
}

/// Horizontal bars in groups, as SVG: readable on any page because it brings its own background.
package struct BarChart {
    package struct Bar {
        let value: Double
        let low: Double
        let high: Double

        package init(value: Double, low: Double, high: Double) {
            self.value = value
            self.low = low
            self.high = high
        }
    }

    package struct Group {
        let label: String
        /// By series; one that is missing was not measured.
        var bars: [String: Bar]

        package init(label: String, bars: [String: Bar]) {
            self.label = label
            self.bars = bars
        }
    }

    /// A vertical line.
    package struct Mark {
        let value: Double
        let label: String

        package init(value: Double, label: String) {
            self.value = value
            self.label = label
        }
    }

    package struct Panel {
        let title: String
        let groups: [Group]
        let mark: Mark?

        package init(title: String, groups: [Group], mark: Mark? = nil) {
            self.title = title
            self.groups = groups
            self.mark = mark
        }
    }

    let title: String
    let series: [String]
    let panels: [Panel]

    // Colours that colour-blind readers can tell apart (Okabe and Ito).
    private static let colours = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
    private let width = 960.0
    private let margin = 20.0
    private let labelWidth = 380.0
    private let barHeight = 13.0
    private let groupGap = 10.0
    /// Room at the right for the longest value.
    private let valueWidth = 90.0

    package init(title: String, series: [String], panels: [Panel]) {
        self.title = title
        self.series = series
        self.panels = panels
    }

    package var svg: String {
        var (body, y) = ([text(title, margin, 28, size: 15, weight: "bold")], 40.0)
        var x = margin
        for (index, name) in series.enumerated() {
            body.append(rectangle(x, y, 12, 12, colour(index)))
            body.append(text(name, x + 17, y + 10.5))
            x += 17 + 8 * Double(name.count) + 20
        }
        y += 38
        for panel in panels { append(panel, to: &body, &y) }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.decimal(width))" height="\(Self.decimal(y))" \
            viewBox="0 0 \(Self.decimal(width)) \(Self.decimal(y))" font-family="sans-serif" font-size="12" fill="#1f2328">
            \(rectangle(0, 0, width, y, "#ffffff", radius: 6))
            \(body.joined(separator: "\n"))
            </svg>

            """
    }

    private func append(_ panel: Panel, to body: inout [String], _ y: inout Double) {
        body.append(text(panel.title, margin, y, size: 13, weight: "bold"))
        let left = margin + labelWidth
        let largest = panel.groups.flatMap(\.bars.values).map(\.high).max() ?? 0
        let scale = (width - left - valueWidth - margin) / max(largest, panel.mark?.value ?? 0, .leastNormalMagnitude)
        if panel.mark != nil { y += 16 }
        let (top, below) = (y + 6, body.count)
        y += 12
        for group in panel.groups {
            let lines = Self.lines(group.label, width: 54)
            let height = max(barHeight * Double(series.count), 14 * Double(lines.count))
            for (index, line) in lines.enumerated() {
                let middle = y + height / 2 + 14 * (Double(index) - Double(lines.count - 1) / 2)
                body.append(text(line, left - 8, middle + 4, anchor: "end"))
            }
            var barTop = y + (height - barHeight * Double(series.count)) / 2
            for (index, name) in series.enumerated() {
                if let bar = group.bars[name] {
                    append(bar, colour(index), left, barTop, scale, to: &body)
                } else {
                    body.append(text("–", left + 4, barTop + 10.5))
                }
                barTop += barHeight
            }
            y += height + groupGap
        }
        body.append(line(left, top, left, y - groupGap + 6, "#8c959f"))
        if let mark = panel.mark {
            let x = left + mark.value * scale
            // Behind the bars, so that their numbers stay readable.
            body.insert(line(x, top, x, y - groupGap + 6, "#cf222e", dashes: true), at: below)
            body.append(text(mark.label, x, top - 5, anchor: "middle"))
        }
        y += 30
    }

    private func append(
        _ bar: Bar, _ colour: String, _ left: Double, _ top: Double, _ scale: Double, to body: inout [String]
    ) {
        body.append(rectangle(left, top + 1, bar.value * scale, barHeight - 2, colour))
        let middle = top + barHeight / 2
        body.append(line(left + bar.low * scale, middle, left + bar.high * scale, middle, "#1f2328"))
        body.append(text(Table.number(bar.value), left + bar.high * scale + 5, top + 10.5, halo: true))
    }

    private func colour(_ index: Int) -> String { Self.colours[index % Self.colours.count] }

    /// Breaks at spaces.
    static func lines(_ label: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in label.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

// MARK: Elements

extension BarChart {
    private func text(
        _ text: String, _ x: Double, _ y: Double, size: Int = 12, weight: String = "normal", anchor: String = "start",
        halo: Bool = false
    ) -> String {
        // The halo keeps a number readable where a line passes behind it.
        let stroke = halo ? " stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\"" : ""
        return """
            <text x="\(Self.decimal(x))" y="\(Self.decimal(y))" font-size="\(size)" font-weight="\(weight)" \
            text-anchor="\(anchor)"\(stroke)>\(Self.escaped(text))</text>
            """
    }

    private func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String, radius: Double = 1
    ) -> String {
        """
        <rect x="\(Self.decimal(x))" y="\(Self.decimal(y))" width="\(Self.decimal(width))" \
        height="\(Self.decimal(height))" rx="\(Self.decimal(radius))" fill="\(fill)"/>
        """
    }

    private func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dashes: Bool = false
    ) -> String {
        """
        <line x1="\(Self.decimal(x1))" y1="\(Self.decimal(y1))" x2="\(Self.decimal(x2))" y2="\(Self.decimal(y2))" \
        stroke="\(colour)"\(dashes ? " stroke-dasharray=\"4 3\"" : "")/>
        """
    }

    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            default: result.append(character)
            }
        }
    }

    private static func decimal(_ value: Double) -> String {
        let tenths = value.isFinite ? (value * 10).rounded() / 10 : 0
        return "\(tenths)"
    }
}

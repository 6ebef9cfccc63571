extension BenchmarkReport {
    /// A panel for whole models, one for products and one for other operations, as far as there are any.
    var chart: BarChart {
        let load = machine.loadAverage > 0.5 ? ", load \(Table.number(machine.loadAverage)) before the start" : ""
        let title = "\(machine.processor), \(machine.coreCount) cores\(load)"
        guard peers.isEmpty else {
            let precisions = Set(peers.flatMap(\.engines).map(\.precision))
            return BarChart(
                title: title, series: PeerComparison.precisions.filter(precisions.contains), panels: peers.map(\.panel))
        }
        var panels: [BarChart.Panel] = []
        if !models.isEmpty {
            panels.append(
                BarChart.Panel(
                    title: "Forward pass: median seconds, line from fastest to slowest",
                    groups: Self.groups(models, label: \.title, device: \.device) { report in
                        report.timing.map { .init(value: $0.median, low: $0.minimum, high: $0.maximum) }
                    }))
        }
        let products = operations.filter { $0.operationCount > 0 }
        if !products.isEmpty {
            panels.append(
                panel(
                    products, "Operations with products: GFLOP/s",
                    peak: peak.map { ("arithmetic peak", $0.operationsPerSecond / 1e9) }))
        }
        let others = operations.filter { $0.operationCount == 0 }
        if !others.isEmpty {
            panels.append(
                panel(
                    others, "Other operations: GB/s read and written",
                    peak: peak.map { ("memory reads", $0.readBytesPerSecond / 1e9) }))
        }
        return BarChart(title: title, series: devices.map(\.device), panels: panels)
    }

    private func panel(_ reports: [OperationReport], _ title: String, peak: (name: String, value: Double)?)
        -> BarChart.Panel
    {
        BarChart.Panel(
            title: title,
            groups: Self.groups(reports, label: { "\($0.operation) \($0.name)" }, device: \.device) { report in
                report.timing.map {
                    .init(value: report.rate($0.median), low: report.rate($0.maximum), high: report.rate($0.minimum))
                }
            },
            mark: peak.map { .init(value: $0.value, label: "\($0.name) \(Table.number($0.value))") })
    }

    private static func groups<Report>(
        _ reports: [Report], label: (Report) -> String, device: (Report) -> String, bar: (Report) -> BarChart.Bar?
    ) -> [BarChart.Group] {
        var groups: [BarChart.Group] = []
        for report in reports {
            if groups.last?.label != label(report) { groups.append(BarChart.Group(label: label(report), bars: [:])) }
            groups[groups.count - 1].bars[device(report)] = bar(report)
        }
        return groups
    }
}

internal import Foundation
internal import Load

/// A report as one HTML page, without scripts and without requests to other servers.
enum BenchPage {
    static func html(_ report: LoadReport, url: String) -> String {
        let seconds = report.seconds
        let rates = seconds.map { Double($0.answers) }
        let medians = seconds.map { Double($0.microseconds(at: 50)) / 1_000 }
        let tails = seconds.map { Double($0.microseconds(at: 99)) / 1_000 }
        let steps = (0...60).map { 100 - 100 * pow(10, -Double($0) / 15) }
        let distribution = steps.map { Double(report.microseconds(at: $0)) / 1_000 }
        return """
            <!doctype html>
            <html lang="en"><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(report.plan.scenario), \(escaped(url))</title>
            <style>
            :root { color-scheme: light dark; --ink: light-dark(#1b1b1b, #eee); --one: #1769aa; --two: #c2410c; }
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
            pre { overflow-x: auto; font-size: 14px; }
            svg { width: 100%; height: auto; color: var(--ink); }
            </style>
            <h1>\(report.plan.scenario) on \(escaped(url))</h1>
            <pre>\(escaped(BenchText.table(report)))</pre>
            \(plot("Answers a second", [(rates, "--one", "answers")], end: "\(seconds.count) s"))
            \(plot(
                "Latency by the second, ms", [(medians, "--one", "p50"), (tails, "--two", "p99")],
                end: "\(seconds.count) s"))
            \(plot(
                "Latency by percentile, ms (0, 90, 99, 99.9, 99.99)", [(distribution, "--two", "latency")],
                end: "99.99 %"))
            </html>

            """
    }

    /// A plot of lines over equal steps, from zero up.
    private static func plot(
        _ title: String, _ lines: [(values: [Double], colour: String, name: String)], end: String
    ) -> String {
        let (width, height, left, bottom) = (760.0, 240.0, 60.0, 24.0)
        let top = max(lines.flatMap(\.values).max() ?? 0, 0.001)
        var svg = "<h2>\(escaped(title))</h2>\n<svg viewBox=\"0 0 \(Int(width)) \(Int(height + bottom))\" role=\"img\" "
        svg += "aria-label=\"\(escaped(title))\">\n"
        for part in 0...4 {
            let y = height - height * Double(part) / 4 * 0.88
            svg +=
                "<line x1=\"\(left)\" x2=\"\(width)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"currentColor\" opacity=\".15\"/>"
            svg += "<text x=\"\(left - 6)\" y=\"\(y + 4)\" font-size=\"12\" text-anchor=\"end\" fill=\"currentColor\">"
            svg += "\(number(top * Double(part) / 4))</text>\n"
        }
        for (index, line) in lines.enumerated() {
            let step = (width - left) / Double(max(1, line.values.count - 1))
            let points = line.values.enumerated().map { position, value in
                "\(rounded(left + step * Double(position))),\(rounded(height - height * value / top * 0.88))"
            }
            svg += "<polyline fill=\"none\" stroke=\"var(\(line.colour))\" stroke-width=\"2\" points=\""
            svg += points.joined(separator: " ") + "\"/>\n"
            svg +=
                "<text x=\"\(left + 10 + 90 * Double(index))\" y=\"14\" font-size=\"13\" fill=\"var(\(line.colour))\">"
            svg += "\(line.name)</text>\n"
        }
        svg += "<text x=\"\(width)\" y=\"\(height + 18)\" font-size=\"12\" text-anchor=\"end\" fill=\"currentColor\">"
        return svg + "\(escaped(end))</text>\n</svg>"
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

    private static func number(_ value: Double) -> String {
        value >= 100 ? grouped(Int(value.rounded())) : "\((value * 100).rounded() / 100)"
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { text, character in
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.append(character)
            }
        }
    }
}

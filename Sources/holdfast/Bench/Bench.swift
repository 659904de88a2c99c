public import ArgumentParser
internal import Foundation
public import Load

/// Puts load on a service, and reports its answers.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put load on a service, and report how fast and how correctly it answers.",
        discussion: """
            Closed loop (default): each connection sends its next request when the last one is answered. Open loop
            (--rate): requests are due at a fixed rate, whatever the service does, and latency counts from the moment a
            request was due. At the end the command checks that as many tickets are gone as the answers say.

            It really holds and purchases tickets. From a server that is not holdfast it only reads.

            EXAMPLES
              holdfast bench http://127.0.0.1:8000
              holdfast bench http://127.0.0.1:8000 --scenario sale --api v1 --duration 10
              holdfast bench http://127.0.0.1:8000 --scenario hold --rate 5000 --arrivals poisson --json result.json
              holdfast bench http://127.0.0.1:8080/index.html           another server

            EXIT STATUS
               0  every answer was right, and the tickets add up
               1  an answer was wrong, or the tickets do not add up
              64  wrong arguments
              69  the server cannot be reached
            """)

    @Argument(help: "http://HOST:PORT, with a path for a server that is not holdfast.")
    var url: String

    @Option(help: "The requests: availability, hold, sale, soldout or churn.")
    var scenario: LoadPlan.Scenario = .availability

    @Option(help: "The API: classic or v1.")
    var api: LoadPlan.Face = .classic

    @Option(help: "The event, for v1.")
    var event = "main"

    @Option(help: "The ticket type.")
    var type = "GA"

    @Option(help: "Connections at once, 1 to 100000.")
    var connections = 64

    @Option(help: "Requests a second over all connections, up to 10000000 (default: a closed loop).")
    var rate: Double?

    @Option(help: "The arrivals of an open loop: fixed or poisson.")
    var arrivals: LoadPlan.Arrivals = .fixed

    @Option(help: ArgumentHelp("Seconds to measure, 1 to 86400; or 30s, 5m, 1h.", valueName: "time"))
    var duration = BenchTime(seconds: 10)

    @Option(help: ArgumentHelp("Seconds of warm-up, which are not measured, 0 to 3600.", valueName: "time"))
    var warmUp = BenchTime(seconds: 2)

    @Option(help: "In a sale: percent of holds that are abandoned.")
    var abandons = 10

    @Option(help: "In a sale: percent of holds that are released (v1).")
    var releases = 10

    @Option(
        help:
            "In a sale: percent of holds that are paid after they expired, if the run is long enough (default: 5, or what the others leave)."
    )
    var late: Int?

    @Option(help: "In a sale: percent of requests that are sent twice.")
    var repeats = 5

    @Option(help: "Threads that send requests, 1 to 64.")
    var threads = 1

    @Option(help: "The seed of all random choices.")
    var seed: UInt64 = 1

    @Option(help: "Write the result as JSON to this file.", completion: .file(extensions: ["json"]))
    var json: String?

    @Option(help: "Write the result as one HTML page with plots to this file.", completion: .file(extensions: ["html"]))
    var html: String?

    func validate() throws {
        func expect(_ holds: Bool, _ what: String) throws {
            if !holds { throw ValidationError(what) }
        }
        try expect(LoadTarget(url: url) != nil, "\(url) is not of the form http://HOST:PORT/PATH")
        try expect((1...100_000).contains(connections), "--connections must be from 1 to 100000")
        try expect(rate.map { $0 > 0 && $0 <= 10_000_000 } ?? true, "--rate must be above 0 and at most 10000000")
        try expect((1...86_400).contains(duration.seconds), "--duration must be from 1 to 86400")
        try expect((0...3_600).contains(warmUp.seconds), "--warm-up must be from 0 to 3600")
        try expect((1...64).contains(threads), "--threads must be from 1 to 64")
        for (name, percent) in [
            ("abandons", abandons), ("releases", releases), ("late", late ?? 0), ("repeats", repeats),
        ] {
            try expect((0...100).contains(percent), "--\(name) must be from 0 to 100")
        }
        try expect(
            abandons + releases + (late ?? 0) <= 100,
            "--abandons, --releases and --late must not be above 100 together")
        let isName = { (text: String) in
            (1...32).contains(text.utf8.count)
                && text.utf8.allSatisfy {
                    UInt8(ascii: "-") == $0 || UInt8(ascii: "_") == $0 || isalnum(Int32($0)) != 0
                }
        }
        try expect(isName(event) && isName(type), "--event and --type must be 1 to 32 of A-Z a-z 0-9 _ -")
    }

    /// The share of late payments. By default they take at most what the other shares leave.
    private var lateShare: Int { late ?? min(5, 100 - abandons - releases) }

    func run() async throws {
        try await Failure.reported {
            signal(SIGPIPE, SIG_IGN)
            guard let target = LoadTarget(url: url) else { return }
            var plan = LoadPlan()
            plan.scenario = scenario
            plan.face = api
            plan.event = event
            plan.type = type
            plan.connections = connections
            plan.rate = rate
            plan.arrivals = arrivals
            plan.duration = .seconds(duration.seconds)
            plan.warmUp = .seconds(warmUp.seconds)
            (plan.abandons, plan.releases, plan.late, plan.repeats) = (abandons, releases, lateShare, repeats)
            (plan.threads, plan.seed) = (threads, seed)
            let run = LoadRun(plan, target: target, number: .random(in: 1...999_999_999))
            let isTerminal = isatty(1) == 1
            let report: LoadReport
            do {
                report = try await run.run { Self.show($0, isTerminal: isTerminal) }
            } catch let error as LoadError {
                throw Failure("\(url): \(error)", status: Failure.unavailable)
            } catch {
                throw Failure("\(url): cannot be reached", status: Failure.unavailable)
            }
            if isTerminal { print("\r\u{1b}[K", terminator: "") }
            print(BenchText.table(report), terminator: "")
            try write(report.json, to: json)
            try write(Array(BenchPage.html(report, url: url).utf8), to: html)
            guard report.isClean else { throw ExitCode(Failure.atWork) }
        }
    }

    private func write(_ bytes: [UInt8], to path: String?) throws {
        guard let path else { return }
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure("cannot write \(path): \(error.localizedDescription)", status: Failure.cannotCreate)
        }
    }

    private static func show(_ second: LoadSecond, isTerminal: Bool) {
        let line =
            "\(grouped(second.answers))/s  p50 \(BenchText.time(second.microseconds(at: 50)))  "
            + "p99 \(BenchText.time(second.microseconds(at: 99)))  errors \(second.errors)"
            + (second.left.map { "  left \(grouped($0))" } ?? "")
        print(isTerminal ? "\r\u{1b}[K\(line)" : line, terminator: isTerminal ? "" : "\n")
        flushStandardOutput()
    }
}

/// A length of time as people write it: `30`, `30s`, `5m`, `1h`.
struct BenchTime: ExpressibleByArgument {
    let seconds: Int

    init(seconds: Int) {
        self.seconds = seconds
    }

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
        let (seconds, overflows) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflows else { return nil }
        self.seconds = seconds
    }

    var defaultValueDescription: String { "\(seconds)" }
}

extension LoadPlan.Scenario: ExpressibleByArgument {}
extension LoadPlan.Face: ExpressibleByArgument {}
extension LoadPlan.Arrivals: ExpressibleByArgument {}

import BoxOffice
import Testing
import TicketAPI
import TicketStore

/// R57 Metrics: what a monitor reads.
@Suite("Metrics")
struct MetricsTests {
    /// The samples of a text, by name and labels.
    private static func samples(_ connection: TestConnection) -> [String: String] {
        var samples: [String: String] = [:]
        for line in text(connection).split(separator: "\n") where !line.hasPrefix("#") {
            let end = line.lastIndex(of: " ") ?? line.startIndex
            let name = String(line[..<end])
            #expect(samples[name] == nil, "\(name) is there twice")
            samples[name] = String(line[line.index(after: end)...])
        }
        return samples
    }

    private static func text(_ connection: TestConnection) -> String {
        String(decoding: Metrics(connection.service).write(), as: UTF8.self)
    }

    private static func hold(_ connection: TestConnection, _ event: String, _ quantity: Int, key: Int) {
        connection.send(
            request(
                "POST", "/v1/events/\(event)/holds",
                ["content-type: application/json", "idempotency-key: a-key-of-many-bytes-\(key)"],
                body: "{\"lines\":[{\"type\":\"GA\",\"quantity\":\(quantity)}]}"))
    }

    @Test("Places, decisions, requests and commits are there, and each sample once")
    func samples() throws {
        let store = try CoreStore(places: 10, events: ["main", "side"])
        let connection = try TestConnection(store) { configuration in
            configuration.version = "1.2\"3"
            configuration.logs = [("service", { 0 }), ("access", { 12 })]
        }
        Self.hold(connection, "main", 3, key: 1)
        Self.hold(connection, "main", 3, key: 1)
        Self.hold(connection, "side", 99, key: 2)
        connection.send(request("POST", "/complete_purchase/wrong"))
        store.counted.withLock { figures in
            for size in [0, 1, 2, 3, 65_536, 65_537] { figures.batches.add(size) }
            figures.queued = 7
            figures.violations = Code("side").map { [$0: 2] } ?? [:]
        }
        let samples = Self.samples(connection)
        let expected = [
            "holdfast_build_info{version=\"1.2\\\"3\"}": "1",
            "holdfast_places{event=\"main\",pool=\"floor\",state=\"free\"}": "7",
            "holdfast_places{event=\"main\",pool=\"floor\",state=\"held\"}": "3",
            "holdfast_places{event=\"side\",pool=\"floor\",state=\"sold\"}": "0",
            "holdfast_pools_closed{event=\"main\"}": "0",
            "holdfast_conservation_violations_total{event=\"side\"}": "2",
            "holdfast_conservation_violations_total{event=\"other\"}": "0",
            "holdfast_decisions_total{event=\"main\",command=\"hold\",outcome=\"held\"}": "1",
            "holdfast_decisions_total{event=\"main\",command=\"hold\",outcome=\"repeated\"}": "1",
            "holdfast_decisions_total{event=\"side\",command=\"hold\",outcome=\"validation_failed\"}": "1",
            "holdfast_request_duration_seconds_count{call=\"POST /v1/events/:event/holds\",status=\"2xx\"}": "2",
            "holdfast_requests_in_flight": "0",
            "holdfast_log_lines_lost_total{log=\"service\"}": "0",
            "holdfast_log_lines_lost_total{log=\"access\"}": "12",
            "holdfast_refused_for_load_total{class=\"hold\"}": "0",
            "holdfast_refused_for_load_total{class=\"connection\"}": "0",
            "holdfast_commit_batch_size_bucket{le=\"1\"}": "2",
            "holdfast_commit_batch_size_bucket{le=\"2\"}": "3",
            "holdfast_commit_batch_size_bucket{le=\"4\"}": "4",
            "holdfast_commit_batch_size_bucket{le=\"65536\"}": "5",
            "holdfast_commit_batch_size_bucket{le=\"+Inf\"}": "6",
            "holdfast_commit_batch_size_sum": "131079",
            "holdfast_store_queue_length": "7",
            "holdfast_store_state{state=\"selling\"}": "1",
            "holdfast_store_state{state=\"disk-full\"}": "0",
            "holdfast_connections": "1",
            "holdfast_connections_limit": "10000",
            "holdfast_listeners": "0",
        ]
        for (name, value) in expected { #expect(samples[name] == value, "\(name)") }
        #expect(samples.keys.allSatisfy { !$0.hasPrefix("holdfast_redis") && !$0.hasPrefix("holdfast_ledger") })
    }

    @Test("A queue shows who joined, waits, was let in and is inside, and its phase; without one there is nothing")
    func queues() async throws {
        let store = try CoreStore(places: 2, events: ["main", "side"])
        let connection = try TestConnection(store)
        #expect(Self.samples(connection).keys.allSatisfy { !$0.hasPrefix("holdfast_queue") })
        let main = try #require(Code("main"))
        var definition = try #require(store.event(main)).definition
        definition.queue = QueueTerms()
        _ = await store.perform(.define(definition))
        #expect(Self.samples(connection)["holdfast_queue_phase{event=\"main\",phase=\"closed\"}"] == "1")
        let queues = connection.service.queues
        await queues.round()
        for _ in 0..<3 {
            let reply = await store.perform(.queue(main, .join()))
            guard case .decided(.queue(.joined(let entry, _, _)), let moment) = reply else { continue }
            try #require(queues.copy(of: main)).noteJoin(entry, at: moment)
        }
        store.pass(.seconds(1))
        await queues.round()
        let samples = Self.samples(connection)
        let expected = ["joined": "3", "head": "1", "present": "2", "inside": "1"]
        for (name, value) in expected { #expect(samples["holdfast_queue_\(name){event=\"main\"}"] == value, "\(name)") }
        #expect(samples["holdfast_queue_phase{event=\"main\",phase=\"moving\"}"] == "1")
        #expect(samples["holdfast_queue_phase{event=\"main\",phase=\"closed\"}"] == "0")
        #expect(samples["holdfast_queue_joined{event=\"side\"}"] == nil)
        #expect(samples["holdfast_queue_joined{event=\"other\"}"] == "0")
    }

    @Test("Each metric says once what it is, before its samples, and buckets only grow")
    func form() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        store.holdUp()
        Self.hold(connection, "main", 1, key: 1)
        store.goOn()
        connection.loop.run()
        var declared: [String] = []
        var last: (series: String, count: Int)?
        for line in Self.text(connection).split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                declared.append(String(words[2]))
                #expect(words.count > 4)
                continue
            }
            if line.hasPrefix("# TYPE ") {
                #expect(words[2] == declared.last ?? "")
                continue
            }
            #expect(line.hasPrefix(declared.last ?? "nothing"), "\(line)")
            guard let bucket = line.firstRange(of: "le=\"") else { continue }
            let series = String(line[..<bucket.lowerBound])
            let count = try #require(words.last.flatMap { Int($0) })
            if let last, last.series == series { #expect(count >= last.count, "\(line)") }
            last = (series, count)
        }
        #expect(Set(declared).count == declared.count)
        #expect(declared.count > 15)
    }

    @Test("A duration is in every bucket from the first that is long enough, and its sum is exact")
    func durations() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        var server = StoreFigures.Server(name: "127.0.0.1:6379")
        // In the last step of its bucket, so that the next one begins behind it.
        server.calls.add(nanoseconds: 1_900_000)
        server.calls.add(nanoseconds: 20_000_000_001)
        server.connections = 1
        server.replicas = 2
        let known = server
        store.counted.withLock { figures in
            figures.servers = [known]
            figures.files = [.init(name: "ledger", bytes: 4_096)]
            figures.disk = .init(bytes: 100, free: 40)
        }
        let samples = Self.samples(connection)
        func bucket(_ end: String) -> String? {
            samples["holdfast_redis_call_duration_seconds_bucket{server=\"127.0.0.1:6379\",le=\"\(end)\"}"]
        }
        #expect(["0.001024", "0.002048", "16.777216", "+Inf"].map(bucket) == ["0", "1", "1", "2"])
        #expect(
            samples["holdfast_redis_call_duration_seconds_sum{server=\"127.0.0.1:6379\"}"] == "20.001900001")
        #expect(samples["holdfast_redis_connections{server=\"127.0.0.1:6379\"}"] == "1")
        #expect(samples["holdfast_redis_replicas_acknowledged{server=\"127.0.0.1:6379\"}"] == "2")
        #expect(samples["holdfast_ledger_size_bytes{file=\"ledger\"}"] == "4096")
        #expect(samples["holdfast_ledger_disk_free_bytes"] == "40")
    }

    @Test("What waits is in flight until it is answered; what the store's full queue refused is counted by its kind")
    func load() throws {
        let store = try CoreStore()
        let connection = try TestConnection(store)
        store.holdUp()
        Self.hold(connection, "main", 1, key: 1)
        Self.hold(connection, "main", 1, key: 2)
        #expect(Self.samples(connection)["holdfast_requests_in_flight"] == "2")
        store.goOn()
        connection.loop.run()
        #expect(Self.samples(connection)["holdfast_requests_in_flight"] == "0")
        store.overload()
        Self.hold(connection, "main", 1, key: 3)
        connection.send(request("POST", "/buy_ticket/GA"))
        let samples = Self.samples(connection)
        #expect(samples["holdfast_refused_for_load_total{class=\"hold\"}"] == "2")
        #expect(samples["holdfast_refused_for_load_total{class=\"purchase\"}"] == "0")
    }

    @Test("A hundred events have names, the rest is summed up, and the answer stays below 200 KB")
    func bounds() throws {
        let names = ["main", "other"] + (1...110).map { "event-with-a-long-name-\($0)" }
        let store = try CoreStore(places: 50_000, events: names)
        let connection = try TestConnection(store)
        var key = 0
        for event in names {
            for quantity in [1, 2, 99] {
                key += 1
                Self.hold(connection, event, quantity, key: key)
            }
        }
        let samples = Self.samples(connection)
        let free = samples.keys.filter { $0.hasPrefix("holdfast_places") && $0.hasSuffix("state=\"free\"}") }
        #expect(free.count == 101)
        // "other" itself, and the last eleven.
        #expect(samples["holdfast_places{event=\"other\",pool=\"other\",state=\"held\"}"] == "36")
        #expect(samples["holdfast_decisions_total{event=\"other\",command=\"hold\",outcome=\"held\"}"] == "24")
        #expect(samples["holdfast_decisions_total{event=\"main\",command=\"hold\",outcome=\"held\"}"] == "2")
        #expect(Self.text(connection).utf8.count < 200_000)
    }

    @Test("An event that is made and counted while somebody reads has its name at the next read")
    func madeMeanwhile() throws {
        let connection = try TestConnection(try CoreStore(places: 10, events: ["main", "side"]))
        let figures = connection.service.figures
        let (main, side) = (try #require(Code("main")), try #require(Code("side")))
        let labels = figures.labels(closed: [Code]()) {
            Self.hold(connection, "side", 1, key: 1)
            return [main]
        }.labels
        #expect(figures.events == [side])
        #expect(labels.labelled == [main])
        #expect(labels.summed(of: [side]) == [])
        #expect(figures.labels(closed: [Code]()) { [main, side] }.labels.labelled == [main, side])
    }

    @Test("An event keeps its name as long as it exists, and one without a name gets none later")
    func labels() throws {
        func codes(_ texts: String) throws -> [Code] {
            try texts.split(separator: " ").map { try #require(Code(String($0))) }
        }
        var labels = EventLabels(most: 2)
        func update(_ existing: String, counted: String = "a b c d e") throws {
            labels.update(try codes(existing), counted: Set(try codes(counted)))
        }
        try update("a b c", counted: "a b c")
        #expect(labels.labelled == (try codes("a b")))
        #expect(labels.summed(of: try codes("a b c")) == (try codes("c")))
        // The counts of what was removed are not added to the rest, which would jump.
        try update("b c", counted: "a b c")
        #expect(labels.labelled == (try codes("b")))
        #expect(labels.summed(of: try codes("a b c")) == (try codes("c")))
        try update("b c d e", counted: "a b c d e")
        #expect(labels.labelled == (try codes("b d")))
        #expect(labels.summed(of: try codes("a b c d e")) == (try codes("c e")))
        // Made again without room for its name: its places are shown with the others, what it counted is not added.
        try update("b c d e a")
        #expect(labels.summed(of: try codes("a")) == [])
        #expect(labels.unnamed(of: try codes("a b c d e")) == (try codes("a c e")))
        // With room it gets its name again.
        try update("b c e a")
        #expect(labels.labelled == (try codes("b a")))
        // What was summed up stays there, also when it was removed and made again, and where there is room.
        try update("b")
        try update("b c")
        #expect(labels.labelled == (try codes("b")))
        #expect(labels.summed(of: try codes("c e")) == (try codes("c e")))
        // So does what was removed before anybody looked.
        try update("b", counted: "a b c d e f")
        try update("b f g", counted: "a b c d e f")
        #expect(labels.labelled == (try codes("b g")))
        // What counted nothing is not remembered.
        try update("b", counted: "b")
        try update("b c", counted: "b")
        #expect(labels.labelled == (try codes("b c")))
        var none = EventLabels(most: 0)
        none.update(try codes("a"), counted: [])
        #expect(none.labelled.isEmpty)
    }
}

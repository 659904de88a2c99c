import BoxOffice
import Testing
import Workload

/// Each order here was made by other programs: the ten lines of Python in `docs/queue.md`, or by hand.
@Suite("Q3 Draw: the order follows from secret, count, event and beacon, and is uniform")
struct QueueDrawTests {
    private let secret = Array("0123456789abcdef0123456789abcdef".utf8)
    private let event = Code("main")!

    @Test(
        "The commitment is the SHA-256 of the secret, by the examples of FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            ("0123456789abcdef0123456789abcdef", "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"),
        ])
    func commitment(text: String, hash: String) {
        #expect(hex(QueueDraw.commitment(to: Array(text.utf8))) == hash)
    }

    @Test("A published draw comes out as another program computes it")
    func knownOrder() {
        let seed = QueueDraw.seed(secret: secret, count: 20, event: event, beacon: "tomorrow 7")
        #expect(hex(seed) == "5e3e7aa3fb0d2a9ce663c4519ec4ff0715d42ded79d94c851da809c1c88d8de8")
        #expect(
            QueueDraw.positions(seed: seed, count: 20) == [
                3, 2, 12, 10, 0, 19, 4, 8, 9, 16, 14, 11, 1, 15, 17, 5, 7, 13, 18, 6,
            ])
    }

    @Test(
        "A beacon's value has one spelling, whatever capitals, blanks and punctuation it comes with",
        arguments: [
            ("8f3a5e", "8f3a5e"), ("8F3A5E", "8f3a5e"), (" 8f3a 5e\n", "8f3a5e"), ("8f:3a:5e", "8f3a5e"),
            ("3 14\t15", "31415"), ("3, 14, 15.", "31415"), ("Zz09", "zz09"), ("0", "0"),
            (String(repeating: "a", count: 255), String(repeating: "a", count: 255)),
            (String(repeating: "a", count: 256), nil), ("", nil), (" -.\n", nil), ("8f3a…", nil), ("é", nil),
            ("8f\u{0}3a", nil), ("8f\u{7f}3a", nil), ("８", nil),
        ])
    func spellings(text: String, spelled: String?) {
        #expect(BeaconText(value: text)?.text == spelled)
    }

    @Test("Secret, count, event and beacon each change the seed, and no text reaches into the next one")
    func seed() {
        let other = Array("1123456789abcdef0123456789abcdef".utf8)
        let seeds = [
            QueueDraw.seed(secret: secret, count: 20, event: event, beacon: ""),
            QueueDraw.seed(secret: other, count: 20, event: event, beacon: ""),
            QueueDraw.seed(secret: secret, count: 21, event: event, beacon: ""),
            QueueDraw.seed(secret: secret, count: 20, event: Code("main1")!, beacon: ""),
            QueueDraw.seed(secret: secret, count: 20, event: event, beacon: "1"),
        ]
        #expect(Set(seeds).count == seeds.count)
    }

    @Test(
        "Every number has a position, and the positions are those of the whole hashes",
        arguments: [0, 1, 2, 3, 5, 1_003])
    func order(count: Int) {
        let seed = QueueDraw.seed(secret: secret, count: count, event: event, beacon: "")
        let hashes = (0..<UInt32(count)).map { QueueDraw.hash(seed: seed, number: $0) }
        let order = (0..<count).sorted { hashes[$0].lexicographicallyPrecedes(hashes[$1]) }
        let positions = QueueDraw.positions(seed: seed, count: count)
        #expect(positions.count == count)
        #expect(order.map { Int(positions[$0]) } == Array(0..<count))
    }

    @Test("Numbers whose hashes begin alike are ordered by the rest of them")
    func alike() {
        let whole: [[UInt8]] = [[3], [1], [2], [0], [4]]
        let positions = QueueDraw.positions(beginnings: [7, 7, 7, 9, 7]) { whole[Int($0)] }
        #expect(positions == [2, 0, 1, 4, 3])
    }

    @Test("Each number comes everywhere equally often (χ² with a false alarm in a million)")
    func uniform() {
        let (numbers, draws) = (20, 3_000)
        var seen = [[Int]](repeating: [Int](repeating: 0, count: numbers), count: numbers)
        var random = SeededGenerator(seed: 15)
        for _ in 0..<draws {
            let secret = (0..<QueueDraw.secretBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
            let seed = QueueDraw.seed(secret: secret, count: numbers, event: event, beacon: "")
            for (number, position) in QueueDraw.positions(seed: seed, count: numbers).enumerated() {
                seen[number][Int(position)] += 1
            }
        }
        let expected = Double(draws) / Double(numbers)
        let chi = seen.joined().reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // 19 × 19 degrees of freedom: mean 361, standard deviation 26.9; 5 deviations, upwards and downwards.
        #expect((226.0...500).contains(chi), "χ² is \(chi)")
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

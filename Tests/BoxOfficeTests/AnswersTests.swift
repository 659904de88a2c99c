import BoxOffice
import Testing
import Workload

/// R17 Refusals are answers.
@Suite("Answers")
struct AnswersTests {
    @Test("Temporarily held differs from sold out and from too few (R17 Refusals are answers)")
    func shortages() {
        Script.play(
            ["main": Halls.hall("floor=4", "GA:floor"), "more": Halls.hall("floor=5", "GA:floor")],
            """
            0s define main -> main stands
            hold main GA×3 -> held 1 until 4m58s
            hold main GA×2 -> no: only 1
            10s hold main GA×1 -> held 2 until 5m8s
            hold main GA×1 -> no: held by others until 5m0s
            buy 1 -> purchased 1
            hold main GA×1 -> no: held by others until 5m10s
            buy 2 -> purchased 2
            hold main GA×1 -> no: sold out
            hold main GA×2 -> no: sold out
            define more -> main stands
            hold main GA×2 -> no: only 1
            """)
    }

    @Test("If several pools are short, the most final reason is the answer (R17 Refusals are answers)")
    func severalPools() {
        Script.play(
            ["main": Halls.hall("a=1 b=2 c=3", "A:a B:b C:c ABC:a+b+c CBA:c+b+a BC:b+c")],
            """
            0s define main -> main stands
            hold main C×2 -> held 1 until 4m58s
            hold main BC×2 -> no: only 1
            1s hold main B×2 -> held 2 until 4m59s
            hold main BC×2 -> no: held by others until 5m1s
            hold main ABC×1 -> no: held by others until 5m1s
            2s hold main A×1 -> held 3 until 5m0s
            hold main ABC×1 -> no: held by others until 5m2s
            hold main CBA×1 -> no: held by others until 5m2s
            buy 3 -> purchased 3
            hold main ABC×1 -> no: sold out
            hold main CBA×1 -> no: sold out
            hold main C×2 B×1 A×1 -> no: sold out
            """)
    }

    @Test("A pool without places is sold out, and an event without one has nothing left")
    func empty() {
        Script.play(
            ["main": Halls.hall("floor=0 day=2", "GA:floor DAY:day BOTH:floor+day")],
            """
            0s define main -> main stands
            hold main GA×1 -> no: sold out
            hold main BOTH×1 -> no: sold out
            left main -> 2: GA 0 DAY 2 BOTH 0
            left none -> no event
            """)
    }

    @Test("Random traffic gets every kind of answer, and positive ones often")
    func everyKind() {
        var seen: [String: Int] = [:]
        for seed in UInt64(1)...60 {
            var traffic = RandomTraffic(seed: seed)
            var office = BoxOffice()
            for _ in 1...400 {
                let (now, command) = traffic.next()
                guard let decision = try? office.decide(command, at: now) else { continue }
                traffic.learn(decision.outcome)
                let words = Script.text(decision.outcome).filter { $0.isLetter || $0 == " " || $0 == ":" }
                let parts = words.split(separator: " ")
                let isNo = parts.first == "no:"
                let last = parts.contains("before") ? "before" : parts.last ?? ""
                seen[parts.prefix(isNo ? 2 : 1).joined(separator: " ") + (isNo ? "" : " \(last)"), default: 0] += 1
            }
        }
        let often = ["held ms", "purchased purchased", "purchased late", "released released", "released before"]
        let always = [
            "again ms", "extended more", "extended before", "purchased before", "returned returned",
            "returned before", "no: expired", "no: held", "no: sold", "no: only", "no: limit", "no: paused",
            "no: payment", "no: key", "no: returned", "no: released", "no: purchased", "no: not", "no: invalid",
            "no: extensions", "no: unknown",
        ]
        for kind in often { #expect(seen[kind, default: 0] >= 100, "\(kind) of \(seen)") }
        for kind in always { #expect(seen[kind, default: 0] >= 20, "\(kind) of \(seen)") }
    }
}

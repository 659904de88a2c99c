import BoxOffice
import Testing

/// Rule 15. That the same key waits for the first answer, and whose key it is, are the edge's part.
@Suite("Asking twice")
struct AskingTwiceTests {
    let halls = ["main": Halls.hall("floor=4", "GA:floor VIP:floor")]

    @Test("The same request with the same key gets the answer of then and takes nothing (rule 15)")
    func sameAgain() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×2 by ann key k1 -> held 1 until 4m58s
            1s hold main GA×2 by ann key k1 -> held 1 until 4m58s as before
            count main -> floor: 2 free 2 held 0 sold
            1m extend 1 key k2 -> extended 1 until 5m58s, 2 more
            2m extend 1 key k2 -> extended 1 until 5m58s, 2 more as before
            hold main GA×2 by ann key k1 -> held 1 until 4m58s as before
            look 1 -> held until 5m58s for 2@100
            extend 1 -> extended 1 until 6m58s, 1 more
            extend 1 key k2 -> extended 1 until 5m58s, 2 more as before
            """)
    }

    @Test("The answer of then is given whatever became of the hold (rule 15)")
    func whateverBecame() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            hold main GA×1 key k2 -> held 2 until 4m58s
            hold main GA×1 key k3 -> held 3 until 4m58s
            buy 1 -> purchased 1
            release 2 -> released 2
            5m hold main GA×1 key k1 -> held 1 until 4m58s as before
            hold main GA×1 key k2 -> held 2 until 4m58s as before
            hold main GA×1 key k3 -> held 3 until 4m58s as before
            pause main -> main stands
            hold main GA×1 key k3 -> held 3 until 4m58s as before
            count main -> floor: 3 free 0 held 1 sold
            """)
    }

    @Test("Another request with a key that was used is refused (rule 15)")
    func otherRequest() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 by ann key k1 -> held 1 until 4m58s
            hold main GA×2 by ann key k1 -> no: key reused
            hold main VIP×1 by ann key k1 -> no: key reused
            hold main GA×1 by bob key k1 -> no: key reused
            hold main GA×1 key k1 -> no: key reused
            hold main GA×1 GA×1 by ann key k1 -> no: key reused
            hold other GA×1 by ann key k1 -> no: key reused
            extend 1 key k1 -> no: key reused
            hold main GA×1 by ann -> held 2 until 4m58s
            extend 1 key k2 -> extended 1 until 4m58s, 2 more
            extend 2 key k2 -> no: key reused
            hold main GA×1 by ann key k2 -> no: key reused
            count main -> floor: 2 free 2 held 0 sold
            """)
    }

    @Test("A refusal is not remembered, so that a retry with the same key can win (rule 15)")
    func refusals() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×4 -> held 1 until 4m58s
            hold main GA×1 key k1 -> no: held by others until 5m0s
            release 1 -> released 1
            hold main GA×1 key k1 -> held 2 until 4m58s
            pause main -> main stands
            hold main GA×1 key k2 -> no: paused
            resume main -> main stands
            hold main GA×2 key k2 -> held 3 until 4m58s
            """)
    }

    @Test("A key is remembered for its time, restart or not, and is a new one after it (rule 15)")
    func remembered() {
        for restart in ["", "restart -> at 23h59m59s\n"] {
            Script.play(
                halls,
                """
                0s define main -> main stands
                hold main GA×1 key k1 -> held 1 until 4m58s
                23h59m59s pause main -> main stands
                resume main -> main stands
                \(restart)24h hold main GA×1 key k1 -> held 1 until 4m58s as before
                hold main GA×2 key k1 -> no: key reused
                tidy -> done
                hold main GA×1 key k1 -> held 1 until 4m58s as before
                24h0.001s hold main GA×1 key k1 -> held 2 until 24h4m58.001s
                24h1s tidy -> done
                hold main GA×1 key k1 -> held 2 until 24h4m58.001s as before
                """)
        }
    }

    @Test("A key that was used again after its time is restored as it was used last (rule 15)")
    func restoredTwice() {
        Script.play(
            halls,
            """
            0s define main -> main stands
            hold main GA×1 key k1 -> held 1 until 4m58s
            25h hold main GA×2 key k1 -> held 2 until 25h4m58s
            restart -> at 25h0s
            tidy -> done
            hold main GA×2 key k1 -> held 2 until 25h4m58s as before
            """)
    }

    @Test("No more keys are remembered than the limit, and those past their time take no room (rules 15 and 21)")
    func bounded() {
        var limits = Limits()
        limits.keys = 2
        for tidy in ["", "tidy -> done\n"] {
            Script.play(
                halls, limits: limits,
                """
                0s define main -> main stands
                hold main GA×1 key k1 -> held 1 until 4m58s
                1h hold main GA×1 key k2 -> held 2 until 1h4m58s
                hold main GA×1 key k3 -> no: too many keys
                extend 2 key k3 -> no: too many keys
                hold main GA×1 key k2 -> held 2 until 1h4m58s as before
                extend 2 -> extended 2 until 1h4m58s, 2 more
                \(tidy)24h0.001s hold main GA×1 key k3 -> held 3 until 24h4m58.001s
                hold main GA×1 key k4 -> no: too many keys
                """)
        }
    }

    @Test("The fingerprint of a request is the same in every process and release")
    func fingerprint() {
        var print = Fingerprint()
        print.add("hold")
        #expect(print.value == 0x7476_a47a_d37b_70a5)
        var one = Fingerprint()
        one.add("ab")
        one.add("c")
        var other = Fingerprint()
        other.add("a")
        other.add("bc")
        #expect(one.value != other.value)
    }
}

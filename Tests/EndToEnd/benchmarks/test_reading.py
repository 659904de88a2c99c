"""Reading the output of other programs, and refusing what must not count."""

import unittest

from measuring.asking import check_bench, check_wrk, read_wrk
from measuring.service import Books, Trouble, invariant_faults, verified

WRK = """Running 1s test @ http://127.0.0.1:18111/v1/events/e1/availability
  2 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.09ms    1.41ms   8.56ms   81.39%
    Req/Sec    15.36k     2.91k   21.22k    60.00%
  Latency Distribution
     50%  200.00us
     75%    1.78ms
     90%    3.41ms
     99%    5.25ms
  30729 requests in 1.01s, 8.82MB read
EXTRA
Requests/sec:  30521.18
Transfer/sec:      8.76MB
"""
BENCH = {"unexpected": 0, "lost": 0, "pushed_back": 0, "never_sent": 0, "connect_failures": 0,
         "statuses": {"201": 10}, "books": {"balance": True}}


class Reading(unittest.TestCase):
    """Numbers in texts."""

    def test_wrk(self):
        """The numbers of wrk are read with their units."""
        got = read_wrk(WRK.replace("EXTRA\n", ""))
        self.assertEqual(got, {"count": 30729, "rate": 30521.18, "p50_us": 200.0, "p99_us": 5250.0, "refused": 0,
                               "socket_errors": None})
        check_wrk(got, 200)

    def test_wrk_unexpected(self):
        """A single unexpected answer spoils a row, whether it should have been a success or a refusal."""
        one = read_wrk(WRK.replace("EXTRA", "  Non-2xx or 3xx responses: 1"))
        with self.assertRaisesRegex(Trouble, "1 of 30,729 answers were not as expected"):
            check_wrk(one, 200)
        with self.assertRaisesRegex(Trouble, "30,728 of 30,729"):
            check_wrk(one, 409)
        check_wrk(read_wrk(WRK.replace("EXTRA", "  Non-2xx or 3xx responses: 30729")), 409)
        with self.assertRaises(Trouble):
            check_wrk(read_wrk(WRK), 409)

    def test_wrk_broken(self):
        """Failed connections, no answers, and a wrk that died raise Trouble and give no figure."""
        with self.assertRaisesRegex(Trouble, "timeout 3"):
            check_wrk(read_wrk(WRK.replace("EXTRA", "  Socket errors: connect 0, read 0, write 0, timeout 3")), 200)
        with self.assertRaises(Trouble):
            check_wrk(read_wrk(WRK.replace("30729 requests", "0 requests")), 200)
        with self.assertRaisesRegex(Trouble, "did not finish"):
            read_wrk("unable to connect to 127.0.0.1:1 Connection refused\n")

    def test_bench(self):
        """The same for `holdfast bench`: its own judgement, its books, and its exit status."""
        check_bench(BENCH, 0)
        check_bench(BENCH | {"books": None}, 0)
        for change in ({"unexpected": 1}, {"lost": 1}, {"pushed_back": 1}, {"never_sent": 1}, {"connect_failures": 1},
                       {"books": {"balance": False}}):
            with self.subTest(change=change), self.assertRaises(Trouble):
                check_bench(BENCH | change, 0)
        with self.assertRaises(Trouble):
            check_bench(BENCH, 1)
        check_bench(BENCH | {"never_sent": 5}, 0, unsent=5)
        with self.assertRaisesRegex(Trouble, "1 never sent"):
            check_bench(BENCH | {"never_sent": 6}, 0, unsent=5)

    def test_books(self):
        """The ledger has every answered hold and purchase, and at most those under way besides."""
        books = Books()
        books.add("holds", 100, unheard=64)
        books.add("purchases", 10)
        counted = verified("273 facts: 1,100 holds, 10 purchases, 0 returns, 0 refunds owed\nevery rule holds\n")
        self.assertEqual(counted, {"holds": 1100, "purchases": 10})
        self.assertEqual(books.faults({"holds": 100, "purchases": 10}), [])
        self.assertEqual(books.faults({"holds": 164, "purchases": 10}), [])
        for holds, purchases in ((99, 10), (165, 10), (100, 9), (100, 11)):
            with self.subTest(holds=holds, purchases=purchases):
                self.assertEqual(len(books.faults({"holds": holds, "purchases": purchases})), 1)
        copy = books.copy()
        copy.add("holds", 1)
        self.assertEqual(books.least["holds"], 100)
        books.lose_count()
        self.assertEqual(books.faults({"holds": 10_000, "purchases": 11}), [])
        self.assertEqual(len(books.faults({"holds": 99, "purchases": 11})), 1)
        self.assertIsNone(verified("there is no ledger"))

    def test_invariants(self):
        """A broken rule that the service reports is a fault, and so is an unbalanced pool that it does not notice."""
        pool = {"pool": "floor", "capacity": 10, "free": 3, "held": 3, "sold": 4, "oversubscribed": 0}
        counts = {"holds_true": True, "broken": None, "events": [{"event": "main", "pools": [pool]}]}
        self.assertEqual(invariant_faults(counts), [])
        self.assertEqual(len(invariant_faults(counts | {"holds_true": False, "broken": "R1 Conservation: pool floor"})), 1)
        counts["events"][0]["pools"] = [pool | {"sold": 5}]
        self.assertEqual(len(invariant_faults(counts)), 1)
        counts["events"][0]["pools"] = [pool | {"capacity": 8, "oversubscribed": 2}]
        self.assertEqual(invariant_faults(counts), [])

"""How `benchmarks/profile` evaluates perf's samples."""

import unittest

from measuring.samples import ORDER, shares

HEAD = "NIO-ELT-1-#1 30373 30644.601843:     333444 cpu-clock:ppp: "
KERNEL = "\tffffffff8200e45b tcp_sendmsg+0x2b ([kernel.kallsyms])"
SENDING = "\t           f838f __GI___libc_write+0x4f (/usr/lib/x86_64-linux-gnu/libc.so.6)"
SYNCING = "\t           f838f fdatasync+0x4f (/usr/lib/x86_64-linux-gnu/libc.so.6)"
RETAIN = "\t           f838f swift_retain+0x4f (/opt/libswiftCore.so)"
LANE = "\t 1 $s9TicketAPI15FastPathHandlerC4send8NIOPosixF+0x1 (/x/holdfast)"
CORE = "\t 1 $s9BoxOfficeAAV6decideF+0x1 (/x/holdfast)"
LEDGER = "\t 1 $s13EmbeddedStore6LedgerV6commitF+0x1 (/x/holdfast)"
SQLITE = "\t 1 sqlite3VdbeExec+0x1 (/usr/lib/libsqlite3.so.0.8.6)"
LOOP = "\t 1 $s8NIOPosix19SelectableEventLoopC3runyyKF+0x1 (/x/holdfast)"


class Samples(unittest.TestCase):
    """Each sample has one area: that of its system call, or of the innermost known function."""

    def areas(self, *samples):
        """Return the shares of these stacks, after checking that all of them are counted."""
        lines = [line for stack in samples for line in (HEAD, *stack, "")]
        found, total = shares(lines)
        self.assertEqual(total, len(samples))
        self.assertTrue(set(found) <= set(ORDER), found)
        self.assertAlmostEqual(sum(found.values()), 100)
        return found

    def test_calls(self):
        """In the kernel the system call counts, for any caller; an unknown one counts as the rest."""
        self.assertEqual(self.areas([KERNEL, SENDING, LANE], [KERNEL, KERNEL, SYNCING, LEDGER], [KERNEL, LOOP], [KERNEL]),
                         {"kernel: sending": 25, "kernel: syncing": 25, "kernel: the rest": 50})

    def test_functions(self):
        """Work of the runtime counts for the innermost function of Holdfast, NIO or SQLite, and not for outer ones."""
        self.assertEqual(self.areas([RETAIN, LANE, LOOP], [CORE, LANE, LOOP], [SQLITE, LEDGER], [RETAIN]),
                         {"fast path and answers": 25, "deciding": 25, "SQLite": 25, "the rest": 25})
        self.assertEqual(self.areas([LEDGER, LOOP], [LOOP, LANE]), {"writing facts": 50, "NIO's loop and channels": 50})

    def test_nothing(self):
        """Without samples there are no shares."""
        self.assertEqual(shares([]), ({}, 0))

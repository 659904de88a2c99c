"""The call that is replayed against Redis, its replies, and the books of a node on Redis."""

import unittest

from measuring.redis import is_whole, read_monitor, totals
from measuring.service import Books, Trouble


class Replaying(unittest.TestCase):
    """The calls that the server gets one by one are the node's calls."""

    def test_monitor(self):
        """Words are read as their bytes; calls inside functions, and an incomplete line, are left out."""
        text = (b'+OK\r\n+1700.5 [0 127.0.0.1:4711] "FCALL" "lib_decide" "1" "{1}:event" "\\x00\\xff\\"\\\\\\r\\n a" ""\r\n'
                b'+1700.6 [0 lua] "TIME"\r\n+1700.7 [0 127.0.0.1:4711] "PING"\r\n+1700.8 [0 127.0.0.1:4711] "FCA')
        self.assertEqual(read_monitor(text), [
            [b"FCALL", b"lib_decide", b"1", b"{1}:event", b'\x00\xff"\\\r\n a', b""], [b"PING"]])

    def test_reply(self):
        """A reply counts when its last byte has arrived; an error is not a reply."""
        whole = b"$5\r\na\r\nbc\r\n"
        self.assertEqual([is_whole(whole[:length]) for length in range(len(whole) + 1)], [False] * len(whole) + [True])
        with self.assertRaisesRegex(Trouble, "OOM"):
            is_whole(b"-OOM command not allowed\r\n")

    def test_books(self):
        """An answered hold that is not there, and a hold without a request, are faults."""
        counts = {"events": [{"event": "main", "pools": [{"held": 7, "sold": 3}, {"held": 1, "sold": 0}]}]}
        self.assertEqual(totals(counts), {"holds": 11, "purchases": 3})
        books = Books()
        books.add("holds", 11)
        books.add("purchases", 2, unheard=1)
        self.assertEqual(books.faults(totals(counts)), [])
        books.add("holds", 1)
        self.assertEqual(len(books.faults(totals(counts))), 1)


if __name__ == "__main__":
    unittest.main()

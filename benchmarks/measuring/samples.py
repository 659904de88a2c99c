"""What perf's samples of the service were spent on."""

import collections
import re

# By what stands in a mangled name: the length of a module's name, and the name. Ours first: a function of ours may have
# NIO's types in its name, and none of theirs has ours.
AREAS = [(re.compile(pattern), area) for pattern, area in (
    (r"8TokenMint|BoringSSL|12Cryptography", "tokens"),
    (r"9TicketAPI(9PlainHold|13BuyerRequests)|4JSON", "reading JSON"),
    (r"9TicketAPI", "fast path and answers"),
    (r"13EmbeddedStore(6Ledger|10FactWriter|9Committer|12RowStatement)", "writing facts"),
    (r"libsqlite3|4GRDB", "SQLite"),
    (r"9BoxOffice|13EmbeddedStore|11TicketStore", "deciding"),
    (r"llhttp|8NIOHTTP1|ByteToMessage", "HTTP decoder"),
    (r"8NIOPosix|7NIOCore", "NIO's loop and channels"))]
CALLED = [(re.compile(pattern), area) for pattern, area in (
    (r"libc_write$|^(__)?write$|writev$|send(msg)?$", "kernel: sending"), (r"^(__)?(libc_)?(read|recv)$", "kernel: receiving"),
    (r"epoll_p?wait", "kernel: waiting for sockets"), (r"fdatasync|fsync", "kernel: syncing"),
    (r"pwrite", "kernel: writing the ledger"))]
ORDER = [area for _, area in CALLED] + ["kernel: the rest"] + [
    "NIO's loop and channels", "HTTP decoder", "fast path and answers", "reading JSON", "tokens", "deciding", "writing facts",
    "SQLite", "the rest"]


def area(frames):
    """Return what a sample was spent on; frames are (symbol, file), the innermost first."""
    in_kernel = frames[0][1] in ("kernel", "[vdso]")
    for symbol, file in frames:
        if file == "kernel":
            continue
        if in_kernel:
            for pattern, name in CALLED:
                if pattern.search(symbol):
                    return name
        for pattern, name in AREAS:
            if pattern.search(symbol) or pattern.search(file):
                return "kernel: the rest" if in_kernel else name
    return "kernel: the rest" if in_kernel else "the rest"


def shares(lines):
    """Return the percent of each area in what `perf script` printed."""
    counts, frames = collections.Counter(), []
    for line in [*lines, "end"]:
        if line[:1] in " \t" and (found := re.match(r"\s+[0-9a-f]+ (.*) \((.*)\)$", line.rstrip())):
            file = "kernel" if "kernel" in found[2] else found[2]
            frames.append((found[1].split("+0x")[0], file))
        elif line.strip():
            if frames:
                counts[area(frames)] += 1
            frames = []
    total = sum(counts.values())
    return {name: 100 * count / total for name, count in counts.items()}, total

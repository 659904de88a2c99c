"""Which target a process of a build worked for."""

import unittest

from measuring.building import costs, table, target

FRONTEND = "/opt/swift/usr/bin/swift-frontend -frontend -c A.swift -module-name GRDB -O -num-threads 2 "
CLANG = "/opt/swift/usr/bin/clang -O2 -I /x/include -c /x/aes.cc -o /s/release/CNIOBoringSSL.build/crypto/aes.cc.o "
LINKER = "/opt/swift/usr/bin/ld.gold -o /s/release/holdfast -L /s/release/holdfast.build/x "


class Building(unittest.TestCase):
    """The costs of a build by target."""

    def test_targets(self):
        """A compiler works for its module, in Swift or C; linking, planning and unknown processes have names in brackets."""
        for command, name in (
                (FRONTEND, "GRDB"), ("swiftc -module-name GRDB -O", "GRDB"), (CLANG, "CNIOBoringSSL"),
                ("/opt/swift/usr/bin/clang-21 -cc1 -o /s/release/CNIOBoringSSL.build/a.o", "CNIOBoringSSL"),
                (LINKER, "(linking)"), ("swift-autolink-extract x.o", "(linking)"),
                ("swift-frontend -c -module-name main Package.swift", "(planning, manifests)"),
                ("/tmp/x/swift-nio-manifest -fileno 4", "(planning, manifests)"), ("git rev-parse", "(planning, manifests)"),
                ("clang --version", "(planning, manifests)"), ("/bin/true", "(the rest)")):
            with self.subTest(command=command):
                self.assertEqual(target(command), name)

    def test_costs(self):
        """The processes of a target are added up, the most expensive target comes first, and unknown CPU is the rest."""
        lines = [f"1500000\t{CLANG}\n", f"500000\t{CLANG}\n", f"7000000\t{FRONTEND}\n"]
        self.assertEqual(costs(lines, 10), [("GRDB", 7), ("CNIOBoringSSL", 2), ("(the rest)", 1)])

    def test_table(self):
        """Small targets share a row."""
        self.assertEqual(table([("GRDB", 7), ("A", 1.5), ("B", 0.75)], 2).splitlines()[2:],
                         ["| GRDB | 7.0 |", "| 2 others, less than 2 s each | 2.2 |"])

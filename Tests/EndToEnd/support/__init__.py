"""What tests from outside, demo and benchmarks share: services, servers, processes, networks, and clients of them."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]

"""What schemathesis needs besides the document: the tokens of holds, and rules that no schema can express."""

import os
import pathlib
import re
import zlib

import schemathesis
from schemathesis.openapi.checks import IgnoredAuth

KEY = os.environ["HOLDFAST_API_KEY"]
TOKENS = {}
# Of entries of queues.
ENTRIES = {}
CLASSIC_TOKENS = []
# The identifiers of keys that were made here: only these are revoked.
KEYS = []

# A body that keeps the schema may break rules that no schema can express, and is then refused with one of these mistakes and
# no other: pointer and sentence. `make generate` writes them.
BEYOND_A_SCHEMA = [re.compile(line, re.S) for line in
                   pathlib.Path(__file__).with_name("beyond_a_schema.txt").read_text(encoding="utf-8").splitlines()]


def dice(case, sides):
    """Return a number below `sides` that follows from the request, so that a seed repeats a run."""
    return zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "surrogatepass")) % sides


@schemathesis.auth()
class Bearer:
    """The token of a hold or an entry if it is known, else the operator's key; now and then the key although it is known."""

    def get(self, case, context):
        """Choose."""
        path = case.path_parameters or {}
        token = TOKENS.get(path.get("hold")) or ENTRIES.get(path.get("entry"))
        return token if token and dice(case, 4) else KEY

    def set(self, case, data, context):
        """Send."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    """Keep the tokens of new holds."""
    name = case.operation.definition.raw.get("operationId")
    if name == "createHold" and response.status_code == 201:
        told = response.json()
        TOKENS[told["id"]] = told["token"]
    elif name == "joinQueue" and response.status_code == 201:
        told = response.json()
        ENTRIES[told["id"]] = told["token"]
    elif name == "createKey" and response.status_code == 201:
        KEYS.append(response.json()["id"])
    elif name == "buyTicket" and response.status_code == 200:
        CLASSIC_TOKENS.append(response.json()["token"])


@schemathesis.check
def refused_by_a_rule(context, response, case):
    """A body that keeps the schema is refused only by rules that no schema can express."""
    if response.status_code != 422 or case.meta is None or case.meta.generation.mode.is_negative:
        return
    told = response.json()
    if told.get("code") != "validation-failed" or "errors" not in told:
        return
    for mistake in told["errors"]:
        said = f"{mistake['pointer']} {mistake['detail']}"
        assert any(one.fullmatch(said) for one in BEYOND_A_SCHEMA), f"{mistake} for a request that keeps the schema"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A wrong token gets the answer of an unknown hold, so that nobody learns which holds exist (R20 Tokens)."""
    is_hidden = isinstance(failure, IgnoredAuth) and "got `404 Not Found`" in failure.message
    return not (is_hidden and {"Holds", "Queue"} & set(case.operation.tags))


@schemathesis.hook
def map_case(context, case):
    """Make most requests that keep the schema also keep the rules, so that they change something."""
    name = case.operation.definition.raw.get("operationId")
    if name == "revokeKey" and (case.path_parameters or {}).get("key") == KEY.split("_")[1]:
        # Everything after it would be refused.
        case.path_parameters["key"] = "unknown0"
    if name in ("cancelEvent", "removeEvent") and "event" in (case.path_parameters or {}):
        # Not the events that have the holds: after a cancellation of theirs no walk would hold anything.
        case.path_parameters["event"] = f"made-{dice(case, 3)}"
    if case.meta is None or case.meta.generation.mode.is_negative or dice(case, 8) == 0:
        return case
    if case.headers and len(case.headers.get("Idempotency-Key") or "x" * 18) < 18:
        case.headers["Idempotency-Key"] = f"made-up-for-request-{dice(case, 1000)}"
    if name in ("getQueue", "joinQueue", "changeQueue", "giveBeacon") and dice(case, 2):
        case.path_parameters["event"] = "queued"
    elif "entry" in (case.path_parameters or {}) and ENTRIES:
        case.path_parameters["entry"] = list(ENTRIES)[dice(case, len(ENTRIES))]
    if name == "completePurchase" and CLASSIC_TOKENS:
        case.path_parameters["token"] = CLASSIC_TOKENS[dice(case, len(CLASSIC_TOKENS))]
    elif name == "revokeKey":
        case.path_parameters["key"] = KEYS[dice(case, len(KEYS))] if KEYS else "unknown0"
    elif name in ("defineEvent", "changeEvent"):
        # Not the events that have the holds.
        case.path_parameters["event"] = f"made-{dice(case, 3)}"
        case.headers.pop("If-None-Match", None)
        case.headers.setdefault("If-Match", "*")
        if name == "defineEvent" and dice(case, 2):
            del case.headers["If-Match"]
        if isinstance(case.body, dict):
            mend(case.body, case.path_parameters["event"])
    return case


def mend(definition, name):
    """Give a definition the id of its path, and types with different codes and pools that it has."""
    if definition.get("id") is not None:
        definition["id"] = name
    batches = definition.get("codes")
    for batch in batches.values() if isinstance(batches, dict) else ():
        if isinstance(batch, dict):
            # A patch may make a batch, which needs both.
            batch["count"], batch["tickets"] = batch.get("count") or 9, batch.get("tickets") or 2
    pools, types = definition.get("pools"), definition.get("types")
    if not isinstance(types, list) or not all(isinstance(kind, dict) for kind in types):
        return
    codes = [code for code, places in pools.items() if places is not None] if isinstance(pools, dict) else []
    kept = definition.get("allocations")
    if codes and isinstance(kept, dict):
        definition["allocations"] = dict(zip(codes, kept.values()))
    for number, kind in enumerate(types):
        kind["code"] = f"T{number}"
        if codes:
            kind["pools"] = codes[number % len(codes):][:4]

"""What schemathesis is told besides the document: whose token it is, and what no schema can say."""

import itertools
import os
import re

import schemathesis
from schemathesis.openapi.checks import IgnoredAuth

KEY = os.environ["HOLDFAST_API_KEY"]
TOKENS = {}
turns = itertools.count()

# Rules over several members, over bytes, or over what the box office knows: a body that keeps the schema may break
# them, and is then refused with one of these sentences and no other.
BEYOND_A_SCHEMA = re.compile("|".join(rf"(?:{sentence})\Z" for sentence in (
    r"must ask for \d+ tickets or fewer", r"must be from 1 to the quantity.*", r"must be given, this event limits .*",
    r"is not a pool of this event", r"is named twice", r"is taken by an earlier type", r"must have 1 to 200 bytes",
    # A JSON Schema calls 2.0 an integer; a count of tickets that was reckoned in fractions is refused.
    r"must be a whole number, without fraction and exponent", r"must have 1 to 128 bytes and no control characters", r"must be later than opens_at",
    r"must let a hold live for \d+ seconds in all at the most", r"must be \S+, as the path has it, or be left out",
)))


@schemathesis.auth()
class Bearer:
    """A hold's own token where it is known, else the operator's key; each in turn where both do."""

    def get(self, case, context):
        """Choose."""
        token = TOKENS.get((case.path_parameters or {}).get("hold"))
        return token if token and next(turns) % 4 else KEY

    def set(self, case, data, context):
        """Send."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    """Keep the tokens of the holds that are given."""
    if case.operation.definition.raw.get("operationId") == "createHold" and response.status_code == 201:
        told = response.json()
        TOKENS[told["id"]] = told["token"]


@schemathesis.check
def refused_by_a_rule(context, response, case):
    """A body that keeps the schema is refused only by what a schema cannot say."""
    if response.status_code != 422 or case.meta is None or case.meta.generation.mode.is_negative:
        return
    told = response.json()
    if told.get("code") != "validation-failed" or "errors" not in told:
        return
    for mistake in told["errors"]:
        assert BEYOND_A_SCHEMA.match(mistake["detail"]), f"{mistake} for a request that keeps the schema"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A wrong token is answered as an unknown hold: nobody learns which holds there are (rule 20)."""
    is_hidden = isinstance(failure, IgnoredAuth) and "got `404 Not Found`" in failure.message
    return not (is_hidden and "Holds" in case.operation.tags)


@schemathesis.hook
def map_case(context, case):
    """Give a definition that keeps the schema the path's id and pools that it has, so that it is more than valid."""
    body, name = case.body, (case.path_parameters or {}).get("event")
    is_right = case.meta is not None and not case.meta.generation.mode.is_negative
    if not is_right or case.operation.method.upper() not in ("PUT", "PATCH") or not isinstance(body, dict):
        return case
    if body.get("id") is not None and name:
        body["id"] = name
    pools, types = body.get("pools"), body.get("types")
    if isinstance(pools, dict) and isinstance(types, list):
        codes = [code for code, places in pools.items() if places is not None]
        for number, kind in enumerate(types):
            if codes and isinstance(kind, dict) and "pools" in kind:
                kind["pools"] = codes[number % len(codes):][:4]
    return case

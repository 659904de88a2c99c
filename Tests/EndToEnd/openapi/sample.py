"""A box office with everything that the API can show."""

from support.service import Server, event

MAIN = event({"floor": 100_000, "lounge": 1_000}, "main", limits={"tickets_per_hold": 1_000}, types=[
    {"code": "GA", "price": 8_900, "pools": ["floor"]}, {"code": "VIP", "price": 24_900, "pools": ["lounge"]}])
# Most refusals come from these.
OTHERS = (event(5, "few", hold_seconds=1, grace_seconds=0), event(1_000, "limited", limits={"tickets_per_buyer": 4}),
          event(100, "words", disclose="buckets"), event(100, "later", sale={"opens_at": "2999-01-01T00:00:00Z"}),
          event(1_000, "queued", queue={}))


def sample_service(**settings):
    """Return a service with events of every kind, not yet started."""
    # Bodies as large as the document allows; another test checks the limit.
    return Server(MAIN, *OTHERS, limits_body_bytes=2 << 20, **settings)

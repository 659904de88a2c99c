"""Makes what only the service may make, with its own secrets: tokens of entries that nobody has, and passes of turns that never began."""

import hashlib
import hmac
import pathlib
import struct
from base64 import urlsafe_b64encode


def _signed(server, event, kind, said):
    """Return what was said with the signature that the service would give it (`QueueMint`)."""
    secret = (pathlib.Path(server.data) / "token.keys").read_text().split()[1]
    # HKDF (RFC 5869), from the secret, the ledger and the purpose.
    inner = hmac.new(server.rows("SELECT id FROM ledger")[0][0], bytes.fromhex(secret), hashlib.sha256).digest()
    key = hmac.new(inner, b"holdfast queue token 1\x01", hashlib.sha256).digest()
    commitment = bytes.fromhex(server.get(f"/v1/events/{event}/queue").json()["draw"]["commitment"])
    rest = kind + said + commitment + event.encode()
    tag = hashlib.sha256(key + len(rest).to_bytes(4, "big") + rest).digest()[:16]
    return urlsafe_b64encode(said + tag).decode()


def token(server, event, number):
    """Return the token that the service would give to an entry; perhaps nobody has this number."""
    return _signed(server, event, b"\x00", struct.pack(">BIHI", 1, number, 0, 1))


def turn(server, event, number, position):
    """Return a pass as the service would sign it."""
    joined_at = 1_795_000_000_000
    return _signed(
        server, event, b"\x01", struct.pack(">BIIHIQ", 1, number, position, joined_at >> 32, joined_at & 0xffff_ffff, 9_999_999))

"""SHA-256 as text. OpenSSL's, which `hashlib` loads, takes longer to load than a command takes to start."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:  # `random` does the same
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256
    except ImportError:
        from hashlib import sha256


def sha256_of(data: bytes) -> str:
    """Return the digest of some bytes, in hexadecimal."""
    return sha256(data).hexdigest()

"""An authority of our own and what it signed, for the sink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files: the sink's chain and key, and the authority that the streams trust."""

    chain: str
    key: str
    authority: str

    @classmethod
    def issue(cls, directory: Path) -> Certificates:
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        chain, key, trusted = (str(directory / name) for name in ("chain.pem", "key.pem", "ca.pem"))
        for part in issued.cert_chain_pems:
            part.write_to_path(chain, append=True)
        issued.private_key_pem.write_to_path(key)
        authority.cert_pem.write_to_path(trusted)
        return cls(chain, key, trusted)

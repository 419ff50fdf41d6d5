"""A telephone of one's own, for tests: SIP over UDP and RTP, on 127.0.0.1."""

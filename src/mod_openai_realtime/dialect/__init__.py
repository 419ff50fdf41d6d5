"""What servers and clients say, as bytes and fields: the only place that knows the names on the wire."""

"""Who hears of a stream and acts on it."""

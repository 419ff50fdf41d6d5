"""Other people's clients: their environments, what is said, and the endpoint that they talk to (tests/clients)."""

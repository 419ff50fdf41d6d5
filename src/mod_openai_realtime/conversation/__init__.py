"""What outlives a connection: the session that the application asked for, and what has been said."""

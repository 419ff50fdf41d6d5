"""The engine's processes: the supervisor, its workers, and what they share."""

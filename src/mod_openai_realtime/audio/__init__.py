"""Audio between the rings and the messages: capture, playback, what was heard, and files of it."""

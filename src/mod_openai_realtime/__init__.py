"""FreeSWITCH calls talk to OpenAI's Realtime API, piloted from Python."""

__version__ = "0.1.0"

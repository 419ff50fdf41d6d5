"""One whole call on this machine, without FreeSWITCH and without a key: `openai-realtime demo`."""

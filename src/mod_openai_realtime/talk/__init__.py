"""`openai-realtime talk`: a page on this machine from which a browser with a microphone calls an agent.

The page is the telephone: its microphone and loudspeaker are the call's audio in the stand-in switch, and all that is
behind it is as in production: the compiled module, an engine, the agent in its host.
"""

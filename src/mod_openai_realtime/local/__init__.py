"""The local Realtime endpoint: a server of the Realtime API on this machine, to develop and to test against."""

from .parts import require

for _module, _purpose in (("numpy", "audio"), ("soxr", "changes of rate"), ("websockets", "its server")):
    require(_module, _purpose)

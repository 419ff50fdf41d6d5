"""The local Realtime endpoint: a server of the Realtime API on this machine, to develop and to test against."""

import os

from .parts import require

# Or onnxruntime, of the voice and the detector, would report its use to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

for _module, _purpose in (("numpy", "audio"), ("soxr", "changes of rate"), ("websockets", "its server")):
    require(_module, _purpose)

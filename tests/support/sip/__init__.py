"""Callers: signalling by sipp, media by RtpParty."""

from sip.caller import Call, Caller
from sip.rtp import L16_8K, L16_16K, PCMA, PCMU, MediaFormat, MediaRoom, RtpParty

__all__ = ["L16_8K", "L16_16K", "PCMA", "PCMU", "Call", "Caller", "MediaFormat", "MediaRoom", "RtpParty"]

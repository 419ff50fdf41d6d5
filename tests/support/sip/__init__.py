"""Callers: signalling by sipp, media by RtpParty."""

from mod_openai_realtime.sip.media_format import L16_8K, L16_16K, PCMA, PCMU, MediaFormat
from mod_openai_realtime.sip.rtp import MediaRoom, RtpParty
from sip.caller import Call, Caller

__all__ = ["L16_8K", "L16_16K", "PCMA", "PCMU", "Call", "Caller", "MediaFormat", "MediaRoom", "RtpParty"]

"""Variables of a channel: a value is followed, warned of, or refuses the start; none is shown or breaks a handshake."""

from __future__ import annotations

import json

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.realtime.settings import EndpointSettings
from mod_openai_realtime.stream.settings import VARIABLES, Settings, SettingsError

MARK = "\u2603mark"  # in a value: nothing that is shown may repeat it
plain = st.sampled_from(
    ["true", "1", "0", "20", "1000", "3600", "-1", "1e3", "on", "NONE", "SYSTEM", "pcmu", "auto", "\u0661", "9" * 30]
)
headers = st.dictionaries(
    st.sampled_from(["X-A", "Authorization", "Host", "a b", "\u00e9", ""]), st.text(max_size=8), max_size=3
).map(json.dumps)
values = st.one_of(
    plain,
    headers,
    st.text(max_size=12),
    st.sampled_from(["{}", "[]", '{"a":1}', '{"a":"\\r\\nX: y"}', "{", '{"A":"\\ud800"}']),
)
names = st.sampled_from([variable.name for variable in VARIABLES] + ["stream_record", "STREAM_NONE", ""])
marked = st.tuples(values, st.sampled_from(["", "", "", MARK, f" {MARK}\x1b[2J"])).map("".join)
pairs = st.lists(st.tuples(names, marked), max_size=6)


def read(data: bytes) -> None:
    """Of `name=value` with a NUL behind each."""
    text = data.decode("utf-8", "surrogateescape")
    variables = dict(pair.partition("=")[::2] for pair in text.split("\0"))
    for raw_api in (False, True):
        try:
            settings, warnings = Settings.read(variables, raw_api=raw_api)
        except SettingsError as error:
            shown = [str(error)]
        else:
            shown = [*warnings, repr(settings.headers and settings.__class__)]
            endpoint = EndpointSettings("ws://h/", headers=settings.headers)
            endpoint.mask.hide(text[:1000])
            "".join(f"{name}: {value}\r\n" for name, value in settings.headers).encode("utf-8")
            assert not any(
                character < " " or character == "\x7f" for _, value in settings.headers for character in value
            )
        assert all(each.isprintable() and MARK not in each for each in shown), shown


def test_settings() -> None:
    fuzz(
        "settings",
        read,
        pairs.map(lambda each: "\0".join("=".join(pair) for pair in each).encode("utf-8", "surrogatepass")),
    )

"""Text of others, fit to be shown on one line."""


def printable(text: str) -> str:
    """A blank in place of each character that is not printed: control characters, line ends, marks of direction."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)

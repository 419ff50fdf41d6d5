"""The end of a test that used the network."""

import asyncio


async def all_accepted() -> None:
    """To be awaited before a server closes: before Python 3.12 asyncio loses what it accepted in that very turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def all_closed() -> None:
    """Transports close in turns of the loop, those of the servers after what their peers did has reached them.

    Of asyncio's own loop it is known which are open. One whose peer has said that it sends no more is not watched,
    but open until its protocol has closed it.
    """
    for _ in range(5):
        await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while _watched(loop) or _open(loop):  # noqa: ASYNC110 - turns of the loop are waited for
            await asyncio.sleep(0)


def _watched(loop: asyncio.AbstractEventLoop) -> bool:
    selector = getattr(loop, "_selector", None)
    return selector is not None and len(selector.get_map()) > 1  # the loop's own is one


def _open(loop: asyncio.AbstractEventLoop) -> bool:
    return any(each._sock is not None for each in getattr(loop, "_transports", {}).values())

"""The end of a test that used the network."""

import asyncio


async def all_accepted() -> None:
    """To be awaited before a server closes: before Python 3.12 asyncio loses what it accepted in that very turn."""
    for _ in range(5):
        await asyncio.sleep(0)


async def all_closed() -> None:
    """Transports close in turns of the loop, those of the servers after what their peers did has reached them."""
    for _ in range(5):
        await asyncio.sleep(0)
    selector = getattr(asyncio.get_running_loop(), "_selector", None)  # asyncio's own loop has one
    async with asyncio.timeout(20):
        while selector is not None and len(selector.get_map()) > 1:  # noqa: ASYNC110 - turns of the loop are waited for
            await asyncio.sleep(0)

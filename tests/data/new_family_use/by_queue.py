"""Makes a request of the new family by the queue, and the same again from what its files say."""

import asyncio
from pathlib import Path

import msgspec

from studio.domain.request import Request
from studio.services.metadata import read_request
from studio.services.studio import Studio


async def main() -> None:
    studio = Studio.create(offline=True)
    await studio.start()
    try:
        found = studio.library.resolve("dice")
        values = found.spec.complete({"dice": [3, 8], "seed": 5}, found.model)
        first = Request(task="image", family=found.spec.name, model=found.source.id, values=values)
        jobs = [await studio.queue.wait(studio.queue.submit(first).id)]
        for artifact in jobs[0].artifacts:
            request = read_request(Path(artifact.path))
            assert request is not None
            jobs.append(await studio.queue.wait(studio.queue.submit(request).id))
        print(msgspec.json.encode(jobs).decode())
    finally:
        await studio.close()


asyncio.run(main())

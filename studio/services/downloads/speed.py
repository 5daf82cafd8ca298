"""How fast each source is just now: the beginning of one well-known file from each, all at once."""

from __future__ import annotations

import contextvars
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
from huggingface_hub import hf_hub_url

from studio.services.downloads import addresses, modelscope
from studio.services.downloads.client import open_client
from studio.services.downloads.findings import Speed
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import REDIRECTS

log = logging.getLogger(__name__)

SECONDS = 4.0
ENOUGH = 4 * 2**20
TIMEOUT = httpx2.Timeout(SECONDS, connect=SECONDS)
# A repository that the hub and ModelScope both have under this name, and a file in it that is large enough.
SAMPLE, SAMPLE_FILE = "Qwen/Qwen3-0.6B", "model.safetensors"


def measure(route: Route, endpoints: tuple[str, ...]) -> tuple[Speed, ...]:
    """In the order of *endpoints*. Takes some seconds. Raises StudioError `network.proxy`."""
    with open_client(route, timeout=TIMEOUT, follow=True) as client, ThreadPoolExecutor(8) as pool:
        tasks = [
            pool.submit(contextvars.copy_context().run, _measure, client, endpoint, route)
            for endpoint in endpoints
        ]
        return tuple(task.result() for task in tasks)


def _measure(client: httpx2.Client, endpoint: str, route: Route) -> Speed:
    if endpoint == route.modelscope:
        url = modelscope.address_of(SAMPLE, SAMPLE_FILE, "master", route)
    else:
        url = hf_hub_url(SAMPLE, SAMPLE_FILE, revision="main", endpoint=endpoint)
    client.max_redirects = REDIRECTS
    began = time.monotonic()
    try:
        with client.stream("GET", url, headers={"Range": f"bytes=0-{ENOUGH - 1}"}) as response:
            if response.status_code not in (200, 206):
                return Speed(endpoint=endpoint, error=f"HTTP {response.status_code}")
            return _time(endpoint, response, began)
    except (httpx2.HTTPError, httpx2.InvalidURL, addresses.AddressError, OSError) as error:
        log.info("%s: %s", endpoint, error)
        return Speed(endpoint=endpoint, error=str(error) or type(error).__name__)


def _time(endpoint: str, response: httpx2.Response, began: float) -> Speed:
    first, size = None, 0
    for data in response.iter_raw():
        first = first or time.monotonic()
        size += len(data)
        if size >= ENOUGH or time.monotonic() - began > SECONDS:
            break
    if first is None:
        return Speed(endpoint=endpoint, error="nothing came")
    taken = time.monotonic() - began  # with the way there: small files feel that too
    return Speed(endpoint=endpoint, bytes_per_second=size / max(taken, 1e-6), seconds=first - began)

"""Lists the wheels that an index offers to this Python, best first. Run by the Python of `.venv`.

Asks pip's own finder, so that everything in pip's configuration holds: indexes, find-links, certificates,
proxies, credentials. Nothing is downloaded but index pages. Prints one JSON object: requirement -> wheels.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from pip._internal.commands.install import InstallCommand
from pip._vendor.packaging.requirements import Requirement


def main() -> None:
    """Arguments: requirements, and with --index one index that is asked instead of the configured ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("requirements", nargs="*")
    parser.add_argument("--index")
    parser.add_argument("--addresses", action="store_true", help="print the configured indexes, ask nobody")
    arguments = parser.parse_args()
    command: Any = InstallCommand("install", "")
    options, _ = command.parse_args(["-qqq", "--retries", "0", "--timeout", "5", "--only-binary", ":all:"])
    if arguments.index:
        options.index_url, options.extra_index_urls, options.find_links = arguments.index, [], []
        options.no_index = False
    if arguments.addresses:
        indexes = [] if options.no_index else [options.index_url, *options.extra_index_urls]
        json.dump({"indexes": indexes, "find_links": options.find_links}, sys.stdout)
        return
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        json.dump({text: wheels(finder, Requirement(text)) for text in arguments.requirements}, sys.stdout)


def wheels(finder: Any, requirement: Requirement) -> list[dict[str, str]]:
    """The wheels that fit *requirement* and this Python: version, local part of it, address."""
    found = [
        candidate
        for candidate in finder.find_all_candidates(requirement.name)
        if candidate.link.is_wheel
        and not candidate.link.is_yanked
        and requirement.specifier.contains(str(candidate.version), prereleases=False)
    ]
    found.sort(key=lambda candidate: candidate.version, reverse=True)
    return [
        {"version": str(each.version), "local": each.version.local or "", "url": each.link.url}
        for each in found
    ]


if __name__ == "__main__":
    main()

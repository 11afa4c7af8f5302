"""Runs a profile against a target."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from tests.load import journeys
from tests.load.journeys import Offer, Site, Visit
from tests.load.profiles import Profile
from tests.load.recording import OK, Recording
from tests.load.target import Target, Truth


@dataclass(frozen=True)
class LoadResult:
    """The outcome of a load: every sample, the database's counts, and the processor seconds of each process."""

    profile: Profile
    recording: Recording
    seconds: float
    truth: Truth | None
    web_seconds: float
    generator_seconds: float

    @property
    def reserved(self) -> int:
        """The number of accepted reservations."""
        return sum(sample.outcome == OK for sample in self.recording.of("reserve"))

    @property
    def lost(self) -> int:
        """Reservations that were accepted and are not in the database, and paid orders without tickets."""
        return max(self.reserved - self.truth.orders, 0) + self.truth.unissued if self.truth else 0

    @property
    def untrue(self) -> int:
        """The counts of what was oversold, lost or miscounted."""
        return self.lost + (self.truth.oversold + self.truth.miscounted if self.truth else 0)

    @property
    def faults(self) -> int:
        """The counts that must be zero on a machine that bears the load."""
        return self.untrue + self.recording.faults.total()


def run(profile: Profile, target: Target) -> LoadResult:
    """Have the profile's users come; return once the last of them has gone."""
    offer = target.offer(profile.seats)
    recording = Recording()
    web, generator = target.processor_seconds(), time.process_time()
    asyncio.run(_come(profile, target, offer, recording))
    generator_seconds, web_seconds = time.process_time() - generator, target.processor_seconds() - web
    return LoadResult(profile, recording, recording.now, target.truth(offer), web_seconds, generator_seconds)


async def _come(profile: Profile, target: Target, offer: Offer, recording: Recording) -> None:
    options = {
        "connector": aiohttp.TCPConnector(limit=0),
        "timeout": aiohttp.ClientTimeout(total=journeys.PATIENCE_SECONDS),
        "cookie_jar": aiohttp.DummyCookieJar(),
    }
    async with aiohttp.ClientSession(**options) as session:
        site = Site(target.url, session, recording, target.has_simulators)
        tokens = target.tokens()
        async with asyncio.TaskGroup() as people:
            for journey in _journeys(profile, site, offer, tokens):
                people.create_task(journey)


def _journeys(profile: Profile, site: Site, offer: Offer, tokens: Iterator[str]) -> Iterator:
    if profile.minutes is None:
        own = list(itertools.islice(tokens, profile.users))
        if len(own) < profile.users:
            raise SystemExit(f"{profile.users} buyers need an access token each, and there are {len(own)}")
        return (journeys.buy_at_once(site, offer, token) for token in own)
    visits = (
        Visit(site, profile.habits, profile.minutes * 60, random.Random(number)) for number in range(profile.users)
    )
    return (journeys.browse(visit, offer, tokens) for visit in visits)

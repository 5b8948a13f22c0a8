"""Files in, transcripts out: what of it a serving process has, and what its daemon does beside."""

import ipaddress

import attrs

from relayd import logs
from relayd.config import Config
from relayd.database.ports import Database
from relayd.engines.files import offered, rates
from relayd.errors import MissingExtra
from relayd.hooks.webhooks import Webhooks
from relayd.intake.asked import Format
from relayd.intake.fetching import Fetcher
from relayd.intake.intake import Intake
from relayd.intake.upload_rows import UploadRows
from relayd.intake.uploads import Uploads
from relayd.jobs.lanes import Terms
from relayd.media.limits import MediaLimits
from relayd.media.recordings import RecordingOpener
from relayd.outbound.dialling import Dialler
from relayd.outbound.requests import Outbound
from relayd.plans.membership import Membership
from relayd.plans.plans import Plans
from relayd.routes.toolkit.wiring import Batch
from relayd.storage.opening import Storage
from relayd.storage.resumable import Resumable
from relayd.transcriptions import results
from relayd.transcriptions.formats.registry import FORMATS
from relayd.transcriptions.service import Transcriptions

__all__ = ["Room", "membership_of", "open_room", "outbound_of", "written"]

log = logs.get(__name__)

# Recordings that are measured at once in each process: each is a child of 40 MiB, for a second.
_MEASURED_AT_ONCE = 2


@attrs.frozen
class Room:
    """What the routes need, and the fetches of this process."""

    batch: Batch
    fetcher: Fetcher


def open_room(config: Config, database: Database, storage: Storage) -> Room | None:
    """All of it; None where recordings can't be opened on this machine. Inside `trio.run`."""
    settings = config.batch
    seconds_max = settings.audio_minutes_max * 60
    try:
        recordings = RecordingOpener(MediaLimits(seconds_max), _MEASURED_AT_ONCE)
    except MissingExtra as missing:
        log.info("no recordings are taken", reason=str(missing))
        return None
    trial = Terms(
        queued_max=config.keys.test_queued, audio_ms_max=config.keys.test_minutes * 60_000
    )
    membership = membership_of(config)
    terms = None if membership is None else membership.terms
    service = Transcriptions(database, settings, rates(config), trial, terms)
    intake = Intake(storage.spool, storage.store, recordings, service, seconds_max)
    upload_seconds = settings.upload_hours * 3600
    fetcher = Fetcher(
        database, outbound_of(config), intake, service, settings.upload_bytes_max, upload_seconds
    )
    uploads = Uploads(
        UploadRows(database),
        Resumable(storage.spool),
        intake,
        upload_seconds,
        settings.upload_bytes_max,
    )
    batch = Batch(
        intake=intake,
        uploads=uploads,
        fetches=fetcher,
        transcriptions=service,
        webhooks=Webhooks(database),
        models=tuple(one.name for one in offered(config)),
        written=written,
        upload_bytes_max=settings.upload_bytes_max,
    )
    return Room(batch, fetcher)


def membership_of(config: Config) -> Membership | None:
    """Which plan somebody is on; None where there are no plans."""
    models = offered(config)
    plans = Plans.configured(config, models[0].name if models else "")
    return None if plans is None else Membership(plans, config.auth.pepper.reveal().encode())


def outbound_of(config: Config) -> Outbound:
    """Requests to where users want them, as far as the operator allows."""
    networks = tuple(ipaddress.ip_network(one) for one in config.batch.networks)
    return Outbound(Dialler(networks))


def written(document: bytes, wanted: Format, name: str) -> bytes:
    """A stored document in a format."""
    return FORMATS[wanted.value].write(results.decode(document)).encode()

"""`[storage]`: its keys."""

from pathlib import Path

import attrs

from relayd.config import forms
from relayd.config.keys import about
from relayd.config.secret import Secret, as_secret

__all__ = ["Storage"]


@attrs.frozen(kw_only=True)
class Storage:
    """Where recordings and transcripts are, until they are deleted."""

    url: str = attrs.field(
        default="",
        metadata=about(
            'Empty: a folder in directory, for one machine. "s3://bucket/folder" (also what is '
            'like S3, with endpoint), "gs://bucket" or "az://account/container" for several '
            "machines.",
            unit="URL",
            form=forms.storage_url,
        ),
    )
    directory: Path | None = attrs.field(
        default=None,
        metadata=about(
            "A folder on a disk (not in memory) for what is on its way in, and without url for "
            'all that is kept. Not set: "relayd-files" beside database.data_directory.',
            unit="path",
        ),
    )
    floor_bytes: int = attrs.field(
        default=1_073_741_824,
        metadata=about(
            "Left free on that disk: an upload that would leave less is refused (507).",
            unit="bytes",
            least=0,
            most=1_099_511_627_776,
        ),
    )
    endpoint: str = attrs.field(
        default="",
        metadata=about(
            "Of a store like S3 that isn't Amazon's. http:// only to loopback.",
            unit="URL",
            form=forms.storage_endpoint,
        ),
    )
    region: str = attrs.field(
        default="",
        metadata=about("Of S3, where the store wants one named.", unit="text"),
    )
    access_key: Secret = attrs.field(
        default=Secret(""),
        converter=as_secret,
        metadata=about(
            "Of S3. Empty: as AWS's own tools find it (environment, role of the machine); those of "
            "Google and Azure are always found so.",
            unit="text",
        ),
    )
    secret_key: Secret = attrs.field(
        default=Secret(""), converter=as_secret, metadata=about("The other half.", unit="text")
    )

"""/api/v1/direct-uploads: files that go to the object store, and never through the server."""

from typing import Annotated, Final
from uuid import UUID

from quart import Blueprint

from relayd.identity import Principal, Scope
from relayd.routes.toolkit.description import Answer, Topic, described
from relayd.routes.toolkit.forms import Form, told
from relayd.routes.toolkit.problems import Refusal
from relayd.routes.toolkit.protection import authorised
from relayd.routes.views.v1.recordings.recordings import BATCH_OFF, open_batch
from relayd.routes.views.v1.recordings.taking import INTAKE_UNAVAILABLE, translated
from relayd.routes.views.v1.recordings.uploads import UPLOAD_EXAMPLE

__all__ = ["blueprint"]

# Not below the uploads' own address: there every further part is an upload's id.
blueprint = Blueprint("v1_direct_uploads", __name__, url_prefix="/api/v1/direct-uploads")

NO_DIRECT_UPLOADS: Final = Refusal(
    409, "no_direct_uploads", "This server keeps its files itself: send them to it."
)


class DirectUpload(Form):
    """Where a file may be sent without the server."""

    upload: Annotated[UUID, told("The id that it will have.", UPLOAD_EXAMPLE)]
    url: Annotated[str, told("For one PUT, as it is.", "https://store.example/uploads/…")]
    expires_in_seconds: Annotated[int, told("The address is good for so long.", 3600)]


@blueprint.post("")
@authorised(Scope.BATCH)
@described(
    Topic.RECORDINGS,
    gives={201: Answer("Send the file there.", DirectUpload)},
    refuses=(NO_DIRECT_UPLOADS, INTAKE_UNAVAILABLE, BATCH_OFF),
    more="Where the server keeps files in an object store, one can be sent there without passing "
    "through the server: by one `PUT` to `url`, without a token. Then its id is the field "
    "`upload` of `POST /api/v1/transcribe`; what isn't handed in within two days is removed.",
)
async def direct(principal: Principal) -> DirectUpload:
    """Get a signed address to send a file to."""
    batch = open_batch()
    with translated():
        found = await batch.uploads.direct(principal.user_id)
    if found is None:
        raise NO_DIRECT_UPLOADS.problem()
    return DirectUpload(upload=found.upload_id, url=found.url, expires_in_seconds=found.seconds)

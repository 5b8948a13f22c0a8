"""What Schemathesis is told beside its configuration, in its own process."""

import schemathesis

# What tus sends is bytes as they are, whatever it is called.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

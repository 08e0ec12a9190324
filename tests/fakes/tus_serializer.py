"""For schemathesis: how a body of tus is sent. It takes the module by its path."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

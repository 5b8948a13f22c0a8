"""What `relayd check` looks at, one file a subject. Nothing here changes anything for good.

finding        one thing looked at: how it stands, and what to do
exposure       who can read, reach and pretend what; pure
certificate    the certificate that the daemon serves: key, dates, chain, name
sales          packages, and Stripe's key, mode, API and webhook
mail           whether the mail server takes us
storage        where recordings are kept: the folder and its room, the object store
database       PostgreSQL and the schema in it
engine         the engine that serves

What `exposure`, `certificate` and `storage` find, the daemon's start tells, too.
"""

from relayd.checks.finding import Finding
from relayd.checks.look import look

__all__ = ["Finding", "look"]

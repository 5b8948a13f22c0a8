"""The whole database in a file, and back: made and read by PostgreSQL's own tools.

tools       pg_dump, pg_restore and psql of the server's own version
manifest    what a backup says of itself: when, of what, how many rows, and its checksum
backup      a database → a file, in one snapshot that was audited
restore     a file → a database, all of it or nothing, audited before it counts

Secrets stand in no backup: without the auth.pepper that its passwords were hashed with, nobody can
sign in after a restore. A mark of the pepper goes along, to tell whether it is the same one.
"""

from relayd.backups.backup import back_up
from relayd.backups.manifest import Manifest, pepper_mark, read_manifest
from relayd.backups.restore import Obstacle, Restored, restore

__all__ = ["Manifest", "Obstacle", "Restored", "back_up", "pepper_mark", "read_manifest", "restore"]

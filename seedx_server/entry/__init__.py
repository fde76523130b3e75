"""The functions through which the command line uses the server on the same machine.

Nothing else in `seedx_server` is imported from outside it. Failures are raised as `EntryError`,
whose message is for people.
"""

from seedx_server.entry.backup import backup as db_backup
from seedx_server.entry.backup import check_replaceable as db_check_replaceable
from seedx_server.entry.backup import describe as db_describe_backup
from seedx_server.entry.backup import restore as db_restore
from seedx_server.entry.database import db_current, db_upgrade
from seedx_server.entry.doctor import doctor
from seedx_server.entry.errors import BadSettingError, EntryError, NotFoundError
from seedx_server.entry.handbook import handbook_path
from seedx_server.entry.roles import set_role
from seedx_server.entry.serve import serve

__all__ = [
    "BadSettingError",
    "EntryError",
    "NotFoundError",
    "db_backup",
    "db_check_replaceable",
    "db_current",
    "db_describe_backup",
    "db_restore",
    "db_upgrade",
    "doctor",
    "handbook_path",
    "serve",
    "set_role",
]

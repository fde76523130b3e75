"""Replaces a database with a new one on the same server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import sql

from seedx_server.entry.errors import EntryError

logger = logging.getLogger(__name__)

MAINTENANCE_DATABASES = ("postgres", "template1")
"""Databases to connect to instead: one cannot rename the database one is connected to."""

LONGEST_NAME_BYTES = 63

OTHER_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid()
"""
RIGHTS = """
    SELECT current_user, rolsuper OR (rolcreatedb AND pg_has_role(datdba, 'USAGE'))
    FROM pg_database, pg_roles
    WHERE datname = current_database() AND rolname = current_user
"""
# As JSON, because each version of PostgreSQL has other columns for the locale.
PROPERTIES = """
    SELECT to_jsonb(pg_database) || jsonb_build_object(
        'owner', pg_get_userbyid(datdba),
        'encoding', pg_encoding_to_char(encoding),
        'tablespace', (SELECT spcname FROM pg_tablespace WHERE oid = dattablespace))
    FROM pg_database WHERE datname = current_database()
"""
GRANTS = """
    SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM pg_database, aclexplode(datacl) WHERE datname = current_database()
"""
SETTINGS = """
    SELECT split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
    FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase,
        unnest(setconfig) AS setting
    WHERE datname = current_database() AND setrole = 0
"""


@dataclass(frozen=True)
class Traits:
    """The properties of a database, without its content.

    Attributes:
        properties: Its row of `pg_database`, with the names of owner, encoding and tablespace.
        grants: Pairs of a privilege and the role that has it, ready for SQL.
        settings: Pairs of a parameter and its value.
    """

    properties: dict[str, str | int | None]
    grants: list[tuple[str, str]]
    settings: list[tuple[str, str]]

    @classmethod
    def read(cls, connection: psycopg.Connection) -> "Traits":
        """Read the traits of the database that a connection is for."""
        ((properties,),) = connection.execute(PROPERTIES).fetchall()
        grants = connection.execute(GRANTS).fetchall()
        return cls(properties, grants, connection.execute(SETTINGS).fetchall())

    def options(self) -> sql.Composed:
        """Return the options of CREATE DATABASE."""
        found = self.properties
        provider = {"i": "icu", "b": "builtin", "c": "libc"}.get(str(found.get("datlocprovider")))
        locale = found.get("datlocale") or found.get("daticulocale")
        default = found["tablespace"] == "pg_default"
        options = {
            "OWNER": sql.Identifier(str(found["owner"])),
            "ENCODING": found["encoding"],
            "LC_COLLATE": found["datcollate"],
            "LC_CTYPE": found["datctype"],
            "LOCALE_PROVIDER": provider and sql.Identifier(provider),
            "ICU_LOCALE": locale if provider == "icu" else None,
            "ICU_RULES": found.get("daticurules"),
            "BUILTIN_LOCALE": locale if provider == "builtin" else None,
            "TABLESPACE": None if default else sql.Identifier(str(found["tablespace"])),
            "CONNECTION LIMIT": found["datconnlimit"],
        }
        return sql.SQL(" ").join(
            sql.SQL("{} {}").format(
                sql.SQL(name), value if isinstance(value, sql.Composable) else sql.Literal(value)
            )
            for name, value in options.items()
            if value is not None
        )


class Replacement:
    """An empty copy of a database, to be filled and then to replace it.

    A replacement that does not take over is dropped, and the other database stays as it is.

    Args:
        address: The database to replace, `postgresql://…`.

    Raises:
        EntryError: The database is in use, its role may not replace it, or the server has no
            other database that the role may connect to.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._name = _replaceable_name(address)
        self._draft = _name_with_suffix(self._name, "_seedx_restoring")
        self._replaced = _name_with_suffix(self._name, "_seedx_replaced")
        self._maintenance = _maintenance_address(address)

    @contextmanager
    def created(self) -> Iterator[str]:
        """Create the replacement and yield its address; drop it unless it takes over."""
        with psycopg.connect(self._address) as connection:
            traits = Traits.read(connection)
        with psycopg.connect(self._maintenance, autocommit=True) as connection:
            try:
                # A restoration that was killed left these behind.
                for name in (self._draft, self._replaced):
                    connection.execute(_drop(name))
            except psycopg.errors.ObjectInUse as error:
                raise EntryError(
                    "Another process is restoring this database.", "Wait until it is done."
                ) from error
            try:
                self._create(connection, traits)
                yield _address_of(self._address, self._draft)
            finally:
                self._drop_if_possible(self._draft)

    def take_over(self) -> None:
        """Rename the replacement to the database's name in one transaction; drop the old database.

        Raises:
            EntryError: Another connection uses the database.
        """
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        name, draft, replaced = map(sql.Identifier, (self._name, self._draft, self._replaced))
        try:
            with psycopg.connect(self._maintenance) as connection:
                connection.execute(rename.format(name, replaced))
                connection.execute(rename.format(draft, name))
        except psycopg.errors.ObjectInUse as error:
            raise _in_use("another connection") from error
        self._drop_if_possible(self._replaced)

    def _drop_if_possible(self, name: str) -> None:
        """Drop a database if it exists; failing that, leave it to the next restoration."""
        try:
            with psycopg.connect(self._maintenance, autocommit=True) as connection:
                connection.execute(_drop(name, force=True))
        except psycopg.Error as error:
            logger.warning("the database %s could not be dropped: %s", name, error)

    def _create(self, connection: psycopg.Connection, traits: Traits) -> None:
        draft = sql.Identifier(self._draft)
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}")
        connection.execute(create.format(draft, traits.options()))
        if traits.grants:
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(draft))
        for privilege, role in traits.grants:
            grant = sql.SQL("GRANT {} ON DATABASE {} TO {}")
            # Both come from PostgreSQL, the role already quoted.
            connection.execute(grant.format(sql.SQL(privilege), draft, sql.SQL(role)))
        for name, value in traits.settings:
            # Only PostgreSQL knows which of its parameters are lists.
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            copy = sql.SQL("ALTER DATABASE {} SET {} FROM CURRENT")
            connection.execute(copy.format(draft, sql.Identifier(*name.split("."))))


def _replaceable_name(address: str) -> str:
    """Return a database's name; fail if it is in use or its role may not replace it."""
    # A single connection: one that was just closed would still be counted for a moment.
    with psycopg.connect(address) as connection:
        name = connection.info.dbname
        ((role, allowed),) = connection.execute(RIGHTS).fetchall()
        ((others,),) = connection.execute(OTHER_CONNECTIONS).fetchall()
    if not allowed:
        raise EntryError(
            f"The role {role} may not replace the database {name}: it needs to own it and to be "
            "allowed to create databases.",
            f'As a superuser: ALTER DATABASE "{name}" OWNER TO "{role}"; '
            f'ALTER ROLE "{role}" CREATEDB',
        )
    if others:
        raise _in_use("another connection" if others == 1 else f"{others} other connections")
    return name


def _name_with_suffix(name: str, suffix: str) -> str:
    """Return the name with a suffix, shortened to what PostgreSQL allows."""
    most = LONGEST_NAME_BYTES - len(suffix)
    return name.encode()[:most].decode(errors="ignore") + suffix


def _address_of(address: str, name: str) -> str:
    """Return the address of another database of the same server."""
    start, mark, parameters = address.partition("?")
    scheme, _, rest = start.partition("://")
    server = rest.partition("/")[0]
    return f"{scheme}://{server}/{quote(name, safe='')}{mark}{parameters}"


def _maintenance_address(address: str) -> str:
    refusals = []
    for name in MAINTENANCE_DATABASES:
        candidate = _address_of(address, name)
        try:
            psycopg.connect(candidate).close()
        except psycopg.OperationalError as error:
            refusals.append(str(error).strip().splitlines()[0])
        else:
            return candidate
    raise EntryError(
        f"A restoration needs a second database of the server to work from: {refusals[0]}.",
        "As a superuser: GRANT CONNECT ON DATABASE postgres TO the role in DATABASE_URL",
    )


def _drop(name: str, *, force: bool = False) -> sql.Composed:
    options = sql.SQL(" WITH (FORCE)" if force else "")
    return sql.SQL("DROP DATABASE IF EXISTS {}{}").format(sql.Identifier(name), options)


def _in_use(by: str) -> EntryError:
    return EntryError(
        f"The database is in use by {by}.",
        "Stop every server first, so that none of them uses the database while it is replaced.",
    )

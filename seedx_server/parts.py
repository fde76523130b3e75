"""Makes the parts of an app: everything that lives as long as the server process."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from seedx_server.ai.answer.prompts import Prompts
from seedx_server.ai.engine.composer import AIComposer
from seedx_server.ai.engine.runner import Runner
from seedx_server.ai.engine.stream import Followers
from seedx_server.ai.providers.registry import configured
from seedx_server.ai.resource import AIParts
from seedx_server.config import Settings
from seedx_server.infrastructure.database import migrate
from seedx_server.infrastructure.database.engine import make_engine, make_sessions
from seedx_server.infrastructure.database.notify import Notifier
from seedx_server.infrastructure.observability import Metrics
from seedx_server.users.revocation import SESSION_TOPIC, USER_TOPIC, Revocations
from seedx_server.users.security import PasswordHasher, TokenSigner, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts(AIParts):
    """All parts of an app; `app.state.parts` holds them.

    Attributes:
        writer_engine: The connection on which the runner's writer extends leases.
    """

    writer_engine: AsyncEngine


def make_parts(settings: Settings) -> Parts:
    """Make the parts. Nothing connects yet.

    Args:
        settings: The settings; the database's address and the signing secret are set.

    Raises:
        SettingsError: A setting cannot be used.
    """
    engine = make_engine(settings.database, settings.database_pool_size)
    writer_engine = make_engine(settings.database, 1)
    sessions = make_sessions(engine)
    notifier = Notifier(settings.listen_database)
    metrics = Metrics()
    providers = configured(settings)
    signer = TokenSigner(settings)
    runner = Runner(
        sessions=sessions,
        writer_sessions=make_sessions(writer_engine),
        notifier=notifier,
        composer=AIComposer(
            sessions=sessions,
            providers=providers,
            prompts=Prompts.load(settings),
            settings=settings,
            articles_path=f"{settings.api_prefix}/articles",
            metrics=metrics,
        ),
        lease=timedelta(seconds=settings.ai_lease_seconds),
        concurrency=settings.ai_concurrency,
        metrics=metrics,
    )
    return Parts(
        settings=settings,
        engine=engine,
        writer_engine=writer_engine,
        sessions=sessions,
        notifier=notifier,
        metrics=metrics,
        revision=migrate.newest(),
        hasher=PasswordHasher(),
        signer=signer,
        revocations=_revocations(signer.life, notifier),
        providers=providers,
        runner=runner,
        followers=Followers(sessions, notifier, runner.live, metrics.streams),
    )


def _revocations(life: timedelta, notifier: Notifier) -> Revocations:
    revocations = Revocations(life, utc_now)
    notifier.on_topic(SESSION_TOPIC, revocations.hear_session)
    notifier.on_topic(USER_TOPIC, revocations.hear_user)
    return revocations

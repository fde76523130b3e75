"""Every table, gathered for the migrations."""

from seedx_server.ai import models as ai
from seedx_server.infrastructure.database import events
from seedx_server.infrastructure.database.engine import Base
from seedx_server.infrastructure.web import idempotency
from seedx_server.knowledge import models as knowledge
from seedx_server.messages import models as messages
from seedx_server.tickets import models as tickets
from seedx_server.users import models as users

metadata = Base.metadata

__all__ = ["ai", "events", "idempotency", "knowledge", "messages", "metadata", "tickets", "users"]

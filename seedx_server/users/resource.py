"""Routes for accounts and for signing in."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response

from seedx_server.infrastructure.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
)
from seedx_server.infrastructure.web.dependencies import Cursor, Limit, SessionDep, json_response
from seedx_server.infrastructure.web.openapi import problems
from seedx_server.infrastructure.web.problems import problem_response
from seedx_server.users.actor import AccountPartsDep, ActorDep, AdminDep, StaffDep
from seedx_server.users.core import (
    LONGEST_EMAIL,
    LONGEST_PASSWORD,
    Login,
    ManagedUserDocument,
    RefreshRequest,
    SessionDocument,
    SignUp,
    StaffList,
    StaffMember,
    UserDocument,
    UserPage,
    UserPatch,
)
from seedx_server.users.models import User
from seedx_server.users.repository import AccountLookup, SessionRepository, UserRepository
from seedx_server.users.security import utc_now
from seedx_server.users.service import AuthService, SignedIn, UserService

BAD_CREDENTIALS = (Unauthenticated, "bad_credentials")

public = APIRouter(prefix="/auth", tags=["auth"])
signed_in = APIRouter(tags=["auth"])
router = APIRouter(prefix="/users", tags=["users"])
staff = APIRouter(tags=["users"])


async def _user_service(parts: AccountPartsDep, session: SessionDep) -> UserService:
    return UserService(UserRepository(session), parts.hasher, utc_now, parts.revocations)


async def _auth_service(parts: AccountPartsDep, session: SessionDep) -> AuthService:
    return AuthService(
        users=UserRepository(session),
        sessions=SessionRepository(session),
        lookup=AccountLookup(parts.sessions),
        hasher=parts.hasher,
        signer=parts.signer,
        revocations=parts.revocations,
        refresh_life=timedelta(days=parts.settings.refresh_days),
        now=utc_now,
    )


Users = Annotated[UserService, Depends(_user_service)]
Auth = Annotated[AuthService, Depends(_auth_service)]


def _session_document(signed: SignedIn) -> Response:
    document = SessionDocument(
        access_token=signed.access_token,
        expires_in=signed.expires_in,
        refresh_token=signed.refresh_token,
        user=UserDocument.model_validate(signed.user),
    )
    return json_response(document)


async def _form(
    username: Annotated[str, Form(max_length=LONGEST_EMAIL, description="The e-mail address.")],
    password: Annotated[str, Form(max_length=LONGEST_PASSWORD)],
) -> Login:
    return Login.model_construct(email=username, password=password)


def _managed(user: User) -> ManagedUserDocument:
    return ManagedUserDocument(
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        created_at=user.created_at,
        disabled=user.disabled_at is not None,
    )


@public.post(
    "/signup",
    status_code=HTTPStatus.CREATED,
    response_model=UserDocument,
    responses=problems((Conflict, "email_taken"), InvalidInput),
)
async def sign_up(body: SignUp, users: Users) -> Response:
    """Create a customer's account."""
    user = await users.sign_up(body)
    return json_response(UserDocument.model_validate(user), HTTPStatus.CREATED)


@public.post(
    "/login", response_model=SessionDocument, responses=problems(BAD_CREDENTIALS, InvalidInput)
)
async def log_in(body: Login, auth: Auth) -> Response:
    """Sign in with an e-mail address and a password."""
    return _session_document(await auth.log_in(body))


@public.post(
    "/token", response_model=SessionDocument, responses=problems(BAD_CREDENTIALS, InvalidInput)
)
async def token(credentials: Annotated[Login, Depends(_form)], auth: Auth) -> Response:
    """Sign in through the OAuth2 password form (RFC 6749, section 4.3)."""
    return _session_document(await auth.log_in(credentials))


@public.post(
    "/refresh",
    response_model=SessionDocument,
    responses=problems(
        (Unauthenticated, "invalid_refresh_token"),
        (Unauthenticated, "refresh_token_reused"),
        (Unauthenticated, "session_ended"),
        InvalidInput,
    ),
)
async def refresh(body: RefreshRequest, auth: Auth) -> Response:
    """Exchange a refresh token for a new pair of tokens. Each refresh token works once."""
    signed = await auth.refresh(body.refresh_token)
    return (
        problem_response(signed)
        if isinstance(signed, Unauthenticated)
        else _session_document(signed)
    )


@signed_in.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT)
async def log_out(actor: ActorDep, auth: Auth) -> None:
    """Sign out: the session's access and refresh tokens stop working at once."""
    await auth.log_out(actor)


@signed_in.get("/auth/me", response_model=UserDocument, responses=problems(NotFound))
async def me(actor: ActorDep, users: Users) -> Response:
    """Show the account that is signed in."""
    return json_response(UserDocument.model_validate(await users.get(actor.id, actor)))


@staff.get("/staff", response_model=StaffList, responses=problems(Forbidden))
async def list_staff(_: StaffDep, users: Users) -> Response:
    """List the people whom a ticket can be assigned to, by name."""
    return json_response(
        StaffList(items=[StaffMember.model_validate(user) for user in await users.staff()])
    )


@router.get("", response_model=UserPage, responses=problems(Forbidden, InvalidInput))
async def list_users(
    actor: AdminDep, users: Users, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """List accounts, newest first. For admins."""
    page = await users.page(actor, limit, cursor)
    return json_response(
        UserPage(items=[_managed(user) for user in page.items], next_cursor=page.next_cursor)
    )


@router.patch(
    "/{user_id}",
    response_model=ManagedUserDocument,
    responses=problems(Forbidden, NotFound, InvalidInput),
)
async def change_user(user_id: int, body: UserPatch, actor: AdminDep, users: Users) -> Response:
    """Change an account's role, or disable or enable it. For admins."""
    return json_response(_managed(await users.change(user_id, body, actor)))

"""Routes for the knowledge base."""

import textwrap
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from seedx_server.infrastructure.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from seedx_server.infrastructure.web.dependencies import (
    Cursor,
    IfMatch,
    Limit,
    SessionDep,
    etag,
    expected_version,
    json_response,
)
from seedx_server.infrastructure.web.openapi import problems
from seedx_server.knowledge.core import (
    LONGEST_SLUG,
    SLUG_PATTERN,
    ArticleDocument,
    ArticlePage,
    ArticleSummary,
    FoundArticle,
    NewArticle,
    SearchText,
)
from seedx_server.knowledge.models import Article
from seedx_server.knowledge.repository import FoundPassage
from seedx_server.knowledge.service import KnowledgeService, knowledge_service
from seedx_server.users.actor import ActorDep

LONGEST_SNIPPET = 240

router = APIRouter(prefix="/articles", tags=["articles"])


async def _service(session: SessionDep) -> KnowledgeService:
    return knowledge_service(session)


Knowledge = Annotated[KnowledgeService, Depends(_service)]
Slug = Annotated[str, Path(pattern=SLUG_PATTERN, max_length=LONGEST_SLUG)]


@router.get("", response_model=ArticlePage, responses=problems(InvalidInput))
async def list_articles(
    *,
    request: Request,
    actor: ActorDep,
    knowledge: Knowledge,
    q: Annotated[SearchText | None, Query(description="A question or words to search for.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """List articles in the order of their slugs; with `q`, search them, best matches first."""
    if q is not None and q.strip():
        passages = await knowledge.search(q, limit, actor, one_per_article=True)
        found = [_found(passage, request) for passage in passages]
        return json_response(ArticlePage(items=found, next_cursor=None))
    page = await knowledge.page(actor, limit, cursor)
    items: list[FoundArticle | ArticleSummary] = [_summary(row, request) for row in page.items]
    return json_response(ArticlePage(items=items, next_cursor=page.next_cursor))


@router.get(
    "/{slug:path}", response_model=ArticleDocument, responses=problems(NotFound, InvalidInput)
)
async def get_article(
    slug: Slug, request: Request, actor: ActorDep, knowledge: Knowledge
) -> Response:
    """Show an article."""
    return _document(await knowledge.get(slug, actor), request)


@router.put(
    "/{slug:path}",
    response_model=ArticleDocument,
    responses={
        HTTPStatus.CREATED: {"description": "The article was created.", "model": ArticleDocument},
        **problems(Forbidden, PreconditionFailed, InvalidInput),
    },
)
async def put_article(
    *,
    slug: Slug,
    body: NewArticle,
    request: Request,
    actor: ActorDep,
    knowledge: Knowledge,
    if_match: IfMatch = None,
) -> Response:
    """Create or replace an article. Sending the same content again changes nothing. For staff."""
    stored = await knowledge.put(slug, body, actor, expected_version(if_match))
    return _document(
        stored.article, request, HTTPStatus.CREATED if stored.is_new else HTTPStatus.OK
    )


@router.delete(
    "/{slug:path}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(Forbidden, NotFound, PreconditionFailed, InvalidInput),
)
async def delete_article(
    slug: Slug, actor: ActorDep, knowledge: Knowledge, if_match: IfMatch = None
) -> None:
    """Delete an article. For staff."""
    await knowledge.delete(slug, actor, expected_version(if_match))


def _summary(article: Article, request: Request) -> ArticleSummary:
    return ArticleSummary(
        slug=article.slug,
        title=article.title,
        tags=article.tags,
        version=article.version,
        created_at=article.created_at,
        updated_at=article.updated_at,
        url=_path_of(article, request),
    )


def _found(passage: FoundPassage, request: Request) -> FoundArticle:
    return FoundArticle(
        **dict(_summary(passage.article, request)),
        heading=passage.heading,
        snippet=textwrap.shorten(passage.text, LONGEST_SNIPPET, placeholder=" …"),
        score=round(passage.score, 3),
    )


def _document(article: Article, request: Request, status: HTTPStatus = HTTPStatus.OK) -> Response:
    summary = _summary(article, request)
    headers = {"ETag": etag(article.version)}
    if status is HTTPStatus.CREATED:
        headers["Location"] = summary.url
    return json_response(ArticleDocument(**dict(summary), content=article.content), status, headers)


def _path_of(article: Article, request: Request) -> str:
    path = request.app.url_path_for("get_article", slug=article.slug)
    return f"{request.scope.get('root_path', '')}{path}"

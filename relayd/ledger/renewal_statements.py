"""Renewals of many sessions in one transaction: what was used is recorded, holds are set anew.

The balance rows are locked first, and all that decides a hold is read after that, so two
sessions of one user never see the same free credit.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import attrs

from relayd.database.ports import Connection
from relayd.ledger.holds import Account, Policy, Standing, unused_hold
from relayd.ledger.rows import (
    OpenSession,
    covered,
    lock_accounts,
    open_sessions,
    write_renewed,
)
from relayd.session.ports import Renewed, Revoked

__all__ = ["Renewal", "renew", "renew_free"]


@attrs.frozen
class Renewal:
    """What a session has used, and up to where its hold must stay: running totals."""

    session_id: UUID
    used_ms: int
    keep_ms: int


def renew(connection: Connection, renewal: Renewal, policy: Policy) -> Renewed | Revoked:
    """Renew one session, waiting for whoever changes its user's credit at the moment."""
    accounts = lock_accounts(connection, [renewal.session_id], wait=True)
    answers = _renew(connection, accounts, [renewal], policy)
    return answers.get(renewal.session_id, Revoked.SESSION_SETTLED)


def renew_free(
    connection: Connection, renewals: Sequence[Renewal], policy: Policy
) -> dict[UUID, Renewed | Revoked]:
    """Renew those whose users' credit nobody else is changing; it waits for no lock.

    Left out, so that each can be renewed alone, are the others and those that are not open.
    """
    accounts = lock_accounts(connection, [r.session_id for r in renewals], wait=False)
    return _renew(connection, accounts, renewals, policy)


def _renew(
    connection: Connection,
    accounts: dict[UUID, Account],
    renewals: Iterable[Renewal],
    policy: Policy,
) -> dict[UUID, Renewed | Revoked]:
    sessions = open_sessions(connection, list(accounts))
    by_user: dict[UUID, list[UUID]] = {}
    for opened in sessions.values():
        by_user.setdefault(opened.user_id, []).append(opened.id)
    answers: dict[UUID, Renewed | Revoked] = {}
    for renewal in renewals:
        session = sessions.get(renewal.session_id)
        if session is None:
            continue
        account = accounts[session.user_id]
        others = [sessions[id_] for id_ in by_user[session.user_id] if id_ != session.id]
        sessions[session.id], accounts[session.user_id], answers[session.id] = _decide(
            session, account, others, renewal, policy
        )
    write_renewed(
        connection,
        [sessions[id_] for id_ in answers],
        {accounts[sessions[id_].user_id] for id_ in answers},
    )
    return answers


def _decide(
    session: OpenSession,
    account: Account,
    others: Sequence[OpenSession],
    renewal: Renewal,
    policy: Policy,
) -> tuple[OpenSession, Account, Renewed | Revoked]:
    """The session and its user's account after a renewal, and the answer to it.

    A total below the recorded one is a late message: nothing changes.
    """
    total = covered(session.id, renewal.used_ms, session.used_ms, session.held_ms)
    account = account.charged(total - session.used_ms)
    unused = session.held_ms - total
    revoked = _revoked(session, account)
    if revoked is None and renewal.used_ms >= session.used_ms:
        standing = Standing(
            total,
            session.held_ms,
            sessions=len(others) + 1,
            ahead=sum(other.starves_before(session) for other in others),
        )
        unused = unused_hold(account, standing, max(renewal.keep_ms, total), policy)
    account = account.holding(unused - (session.held_ms - total))
    session = session.with_totals(total, total + unused)
    if revoked is not None:
        return session, account, revoked
    answer = Renewed(
        held_ms=total + unused,
        # All that the user has is in this hold.
        final=account.balance_ms == unused,
        wanted=unused > 0 and any(other.starving_since for other in others),
        balance_ms=account.balance_ms,
    )
    return session, account, answer


def _revoked(session: OpenSession, account: Account) -> Revoked | None:
    if session.revoked:
        return Revoked.SIGN_IN_ENDED
    return Revoked.CREDIT_FROZEN if account.frozen else None

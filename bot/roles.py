"""Roles: what somebody may do on the moderators' console."""

from __future__ import annotations

from enum import IntEnum

from bot.place_settings import ServerSettings
from bot.visitors import Visitor


class Role(IntEnum):
    """Each holds those before it.

    VIEW sees the queue and the figures. REVIEW decides flags. TRAIN starts runs, promotes and rolls back, and sees
    datasets of every server. ADMIN, the owner, also decides who is signed in.
    """

    VIEW = 1
    REVIEW = 2
    TRAIN = 3
    ADMIN = 4

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Role | None:
        return next((role for role in cls if role.label == label), None)


def role_of(visitor: Visitor, server: ServerSettings, *, trusted: bool) -> Role | None:
    """What a visitor may do by what is set now; None for nothing at all.

    `trusted`: whether the owner lets this server's admins and trainers change what answers on every server.
    """
    if visitor.granted:
        return Role.named(visitor.granted)
    if not visitor.server:
        return None
    names = {visitor.id, *visitor.roles}
    trains = visitor.admin or not names.isdisjoint(server.trainers)
    if trains and trusted:
        return Role.TRAIN
    if trains or not names.isdisjoint(server.moderators | server.moderator_roles):
        return Role.REVIEW
    return None if names.isdisjoint(server.viewers) else Role.VIEW

"""Who may do what: one sentence for each permission.

A route names its permission with `allow(policies.may_…)` (see `api.deps`); a route without one does not
start. Whether a project or a job exists for the caller at all is asked later, where it is loaded: see
`models.steps.projects.find_project` and `may_follow_job`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from models.steps.accounts import Caller
from models.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Policy:
    """A permission: `name` says what may be done, `roles` by whom; none means by anyone, known or not."""

    name: str
    sentence: str
    roles: frozenset[Role]
    public: bool = False

    @property
    def scope(self) -> str:
        """What an API key is narrowed to it by."""
        return self.name.removeprefix("may_")

    def __call__(self, caller: Caller) -> bool:
        """Whether the caller may."""
        if self.public:
            return True
        meant = caller.scopes is None or self.scope in caller.scopes or self.scope == _ALWAYS
        return meant and bool(self.roles & caller.role.includes)


_ALWAYS = "know_itself"  # whoever holds a key may find out what it is worth

GRID: list[Policy] = []
"""Every permission there is, in the order of this page."""


def _permission(*roles: Role, public: bool = False) -> Callable[[Callable[[], None]], Policy]:
    def made(sentence: Callable[[], None]) -> Policy:
        policy = Policy(sentence.__name__, (sentence.__doc__ or "").strip(), frozenset(roles), public)
        GRID.append(policy)
        return policy

    return made


@_permission(public=True)
def anyone() -> None:
    """Anyone may sign in, sign out, and ask whether Winnow lives."""


@_permission(Role.PROGRAM, Role.REVIEWER)
def may_know_itself() -> None:
    """Whoever is known may ask who that is."""


@_permission(Role.PROGRAM, Role.REVIEWER)
def may_see_projects() -> None:
    """Programs and reviewers see the projects that exist for them, and their categories."""


@_permission(Role.PROGRAM)
def may_predict() -> None:
    """Programs ask for predictions."""


@_permission(Role.PROGRAM)
def may_give_feedback() -> None:
    """Programs say what turned out to be right."""


@_permission(Role.PROGRAM, Role.REVIEWER)
def may_see_item() -> None:
    """Reviewers see every item; programs those that they sent for review themselves."""


@_permission(Role.PROGRAM, Role.REVIEWER)
def may_follow_up() -> None:
    """Programs see what became of their own predictions and feedback; reviewers of everybody's."""


@_permission(Role.PROGRAM, Role.REVIEWER)
def may_follow_jobs() -> None:
    """Whoever caused a job may follow it and stop it; managers may with every job."""


@_permission(Role.REVIEWER)
def may_browse() -> None:
    """Reviewers browse items, decisions and how far the work is."""


@_permission(Role.REVIEWER)
def may_review() -> None:
    """Reviewers lease tasks, decide, and take their decisions back."""


@_permission(Role.MANAGER)
def may_adjudicate() -> None:
    """Managers settle what reviewers answered differently or flagged."""


@_permission(Role.MANAGER)
def may_manage_projects() -> None:
    """Managers make, change and delete projects, and say who belongs to them."""


@_permission(Role.MANAGER)
def may_manage_categories() -> None:
    """Managers make, change, archive and delete categories."""


@_permission(Role.MANAGER)
def may_bring_in() -> None:
    """Managers import files and add items."""


@_permission(Role.MANAGER)
def may_erase_items() -> None:
    """Managers erase items."""


@_permission(Role.MANAGER)
def may_train() -> None:
    """Managers start a training."""


@_permission(Role.MANAGER)
def may_promote() -> None:
    """Managers choose the version that serves."""


@_permission(Role.MANAGER)
def may_see_trends() -> None:
    """Managers see versions, accuracy, automation, findings and alerts."""


@_permission(Role.MANAGER)
def may_export() -> None:
    """Managers take the decided items out."""


@_permission(Role.MANAGER)
def may_manage_webhooks() -> None:
    """Managers say who is told of what happens in a project, and see what became of each message."""


@_permission(Role.ADMIN)
def may_manage_users() -> None:
    """Administrators make users, change their roles and passwords, and switch them off."""


@_permission(Role.ADMIN)
def may_manage_keys() -> None:
    """Administrators make and revoke API keys."""


@_permission(Role.ADMIN)
def may_read_audit_log() -> None:
    """Administrators read who did what."""


def scopes_of(role: Role) -> list[str]:
    """The scopes that a key of this role can be narrowed to."""
    return [policy.scope for policy in GRID if not policy.public and policy.roles & role.includes]


def may_follow_job(caller: Caller, actor: str | None) -> bool:
    """Whether a job that `actor` caused is there for the caller."""
    return caller.has(Role.MANAGER) or actor == caller.key


def may_see_all_items(caller: Caller) -> bool:
    """Whether the caller sees items that it did not send itself, among them neighbours of its own."""
    return caller.has(Role.REVIEWER)

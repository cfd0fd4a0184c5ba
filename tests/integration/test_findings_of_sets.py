"""Findings in projects whose items have several categories, on both databases."""

from sqlalchemy import select

from models.runtime import Runtime
from models.steps import agreement, drift, forecast, novelty, review, second_looks, train
from models.steps.accounts import Caller
from models.steps.projects import find_project
from models.store.tables import ItemRow
from models.vocabulary import Action
from tests.integration.conftest import Drain
from tests.integration.test_several_categories import complaints, project_of_sets

WRONG = 1  # an item about one thing


def test_items_of_several_categories_are_understood(runtime: Runtime, ann: Caller, drain: Drain) -> None:
    slug = project_of_sets(runtime, ann).slug
    truth = dict(complaints(150))
    drain()
    with runtime.database.transaction() as session:
        project = find_project(session, ann, slug)
        project.settings = {**project.settings, "retrain_every": 10_000}
        rows = session.scalars(select(ItemRow).where(ItemRow.project_id == project.id).order_by(ItemRow.id)).all()
        for place, item in enumerate(rows[:100]):
            names = truth[item.text]
            if place == WRONG:
                names = [next(name for name in ("Billing", "Shipping") if name not in names)]
            new = review.NewDecision(Action.CORRECT, item_id=item.id, categories=names)
            review.decide(session, ann, project, new, runtime.settings)
        train.request_training(session, ann, project)
        wrong, several = rows[WRONG].id, {item.id for item in rows if len(truth[item.text]) > 1}
    drain()

    with runtime.database.read() as session:
        project = find_project(session, ann, slug)
        suspects, _ = second_looks.label_errors(runtime, session, project)
        assert suspects[0].item.id == wrong
        assert not {one.item.id for one in suspects} & several
        assert novelty.novelty(runtime, session, project).looked_at == 50
        assert novelty.novelty(runtime, session, project).unfamiliar < 15
        assert not drift.drifted(runtime, session, project, 30).shifted
        assert "blind audits" in forecast.outlook(runtime, session, project).advice
        assert agreement.agreed(session, project).between.items == 0

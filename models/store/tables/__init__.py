"""All rows. Importing this module makes the whole schema known to SQLAlchemy."""

from models.store.tables.accounts import ApiKeyRow, AuditLogRow, IdempotencyRow, RefreshTokenRow, UserRow
from models.store.tables.alerts import AlertRow
from models.store.tables.items import ImportRow, ItemCounterRow, ItemRow, RejectRow, VectorRow
from models.store.tables.jobs import BackupRow, JobRow, ScheduleRow, WorkerRow
from models.store.tables.projects import CategoryChangeRow, CategoryRow, EncoderRow, MemberRow, ProjectRow
from models.store.tables.review import DecisionCategoryRow, DecisionRow, PredictionRow, TaskRow
from models.store.tables.versions import PromotionRow, VersionRow
from models.store.tables.webhooks import DeliveryRow, WebhookRow

__all__ = [
    "AlertRow",
    "ApiKeyRow",
    "AuditLogRow",
    "BackupRow",
    "CategoryChangeRow",
    "CategoryRow",
    "DecisionCategoryRow",
    "DecisionRow",
    "DeliveryRow",
    "EncoderRow",
    "IdempotencyRow",
    "ImportRow",
    "ItemCounterRow",
    "ItemRow",
    "JobRow",
    "MemberRow",
    "PredictionRow",
    "ProjectRow",
    "PromotionRow",
    "RefreshTokenRow",
    "RejectRow",
    "ScheduleRow",
    "TaskRow",
    "UserRow",
    "VectorRow",
    "VersionRow",
    "WebhookRow",
    "WorkerRow",
]
